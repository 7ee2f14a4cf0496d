"""etcd and kube-apiserver as a test has them."""

import csv
import random
import secrets
import shutil
import ssl
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Self

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from tests.kube import kubeconfig
from tests.kube.authority import Authority
from tests.kube.client import ApiError, Client
from tests.support.certificate import pem
from tests.support.deadline import wait_until
from tests.support.port import free_port
from tests.support.program import Program

ADMIN = "admin"
READER = "reader"
# The groups of the users that have a token. An admin is outside RBAC, priority and fairness; a reader may do
# nothing until a test binds a role to it.
USERS: Mapping[str, Sequence[str]] = {ADMIN: ("system:masters",), READER: ()}

_random = random.SystemRandom()  # hypothesis seeds the other


class Cluster:
    """A Kubernetes API server with an etcd of its own, on an address, ports and a folder of its own.

    `assets` has the two binaries, `flags` go to kube-apiserver. The `with` block starts both and leaves
    nothing behind; within it `stop`, `kill`, `start` and `restart` are about kube-apiserver alone, which
    keeps its address, certificate and data. There is no controller and no kubelet: Services get no
    EndpointSlices, namespaces no ServiceAccount, the ClusterRoles `view`, `edit` and `admin` no rules, and
    nothing is garbage collected.
    """

    def __init__(self, assets: Path, *flags: str) -> None:
        self.flags = flags
        # Nothing else is ever here, so ports need not be kept while nobody listens.
        self.address = f"127.{_random.randint(1, 254)}.{_random.randint(0, 255)}.{_random.randint(1, 254)}"
        self.port = free_port()
        self.folder = Path(tempfile.mkdtemp(prefix="isoline-kube-"))
        self.ca = self.folder / "ca.crt"
        self.etcd: Program
        self.apiserver: Program
        self._assets = assets
        self._etcd_ports = free_port(), free_port()  # for clients, for peers
        self._users = Authority("users")
        self._authority = Authority("server")
        self._tokens = {user: secrets.token_hex(16) for user in USERS}
        self._clients: list[Client] = []

    def __enter__(self) -> Self:
        try:
            self._write_files()
            self.etcd = Program(self._etcd_command())
            self.start()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_error: object) -> None:
        for client in self._clients:
            client.close()
        for name in ("apiserver", "etcd"):
            if program := self.__dict__.get(name):
                program.kill()  # nobody waits for what they would put in order
                program.__exit__()
        shutil.rmtree(self.folder)

    @property
    def url(self) -> str:
        """Where kube-apiserver is, or will be."""
        return f"https://{self.address}:{self.port}"

    def start(self) -> None:
        """Starts kube-apiserver and waits until it serves all it has."""
        self.apiserver = Program(self._apiserver_command())
        wait_until(self._is_ready, "the API server is ready", of=[self.apiserver, self.etcd])

    def stop(self) -> None:
        """SIGTERM: it ends its watches in order."""
        self.apiserver.__exit__()

    def kill(self) -> None:
        """SIGKILL: its connections break."""
        self.apiserver.kill()
        self.apiserver.__exit__()

    def restart(self) -> None:
        """Stops and starts it: a watch from an earlier version is then answered by 410."""
        self.stop()
        self.start()

    @contextmanager
    def elsewhere(self) -> Iterator[Client]:
        """After `stop` or `kill`: kube-apiserver at another port, on the same data, and its admin. Who knows
        the former `url` sees nothing of it.
        """
        own, self.port = self.port, free_port()
        try:
            self.start()
            yield self.client()
        finally:
            self.kill()
            self.port = own

    def replace_certificate(self, authority: Authority | None = None) -> None:
        """Gives it another serving certificate, which it takes up within a second. With another authority the
        file `ca` changes too, and a client of before trusts it no longer.
        """
        if authority is not None:
            self._authority = authority
        pair = self._authority.server(self.address)
        for name, content in (
            ("ca.crt", self._authority.certificate),
            ("server.key", pair.key),
            ("server.crt", pair.chain),
        ):
            draft = self.folder / f"{name}.new"
            draft.write_bytes(content)
            draft.replace(self.folder / name)

    def client(self, user: str = ADMIN, *, token: str | None = None, namespace: str = "default") -> Client:
        """A client that acts as this user, or as the token's; it lasts as long as the cluster."""
        tls = ssl.create_default_context(cafile=self.ca)
        client = Client(self.url, tls, token=token or self._tokens[user], namespace=namespace)
        self._clients.append(client)
        return client

    def kubeconfig(
        self,
        kind: kubeconfig.Kind = "token",
        *,
        user: str = ADMIN,
        namespace: str = "default",
        url: str = "",
        ca: bytes = b"",
        expired: bool = False,
    ) -> Path:
        """Writes a kubeconfig by which this user acts, and answers its path; what lies beside it is told in
        tests.kube.kubeconfig. By `client-certificate` any user may be made up. `url` and `ca` are those of a
        proxy; a certificate may have `expired`.
        """
        identity = kubeconfig.Identity(
            self._tokens.get(user, ""), self._users.client(user, USERS.get(user, ()), expired=expired)
        )
        path = self.folder / f"{user}-{secrets.token_hex(4)}"
        authority = ca or self.ca.read_bytes()
        kubeconfig.write(path, kind, identity, url=url or self.url, ca=authority, namespace=namespace)
        return path

    def _write_files(self) -> None:
        """What kube-apiserver reads, beside its serving certificate."""
        self.replace_certificate()
        (self.folder / "users.crt").write_bytes(self._users.certificate)
        issuer = ec.generate_private_key(ec.SECP256R1())
        (self.folder / "issuer.key").write_bytes(pem(issuer))
        (self.folder / "issuer.pub").write_bytes(
            issuer.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
        )
        with (self.folder / "tokens.csv").open("w", newline="") as file:
            for user, token in self._tokens.items():
                csv.writer(file).writerow([token, user, user, *filter(None, [",".join(USERS[user])])])

    def _etcd_command(self) -> list[str | Path]:
        clients, peers = (f"http://{self.address}:{port}" for port in self._etcd_ports)
        return [
            self._assets / "etcd",
            f"--data-dir={self.folder / 'etcd'}",
            f"--listen-client-urls={clients}",
            f"--advertise-client-urls={clients}",
            f"--listen-peer-urls={peers}",
            f"--initial-advertise-peer-urls={peers}",
            f"--initial-cluster=default={peers}",
            "--unsafe-no-fsync",  # a test's data need not outlive the machine
            "--log-level=error",
        ]

    def _apiserver_command(self) -> list[str | Path]:
        return [
            self._assets / "kube-apiserver",
            f"--etcd-servers=http://{self.address}:{self._etcd_ports[0]}",
            f"--bind-address={self.address}",
            f"--secure-port={self.port}",
            f"--tls-cert-file={self.folder / 'server.crt'}",
            f"--tls-private-key-file={self.folder / 'server.key'}",
            # Of no use to anybody: an address that others are told must not be a loopback one.
            "--advertise-address=192.0.2.1",
            "--endpoint-reconciler-type=none",
            f"--client-ca-file={self.folder / 'users.crt'}",
            f"--token-auth-file={self.folder / 'tokens.csv'}",
            "--authorization-mode=RBAC",
            "--service-account-issuer=https://kubernetes.default.svc",
            f"--service-account-signing-key-file={self.folder / 'issuer.key'}",
            f"--service-account-key-file={self.folder / 'issuer.pub'}",
            "--service-cluster-ip-range=10.96.0.0/16",
            # It refuses what waits for a controller to make ServiceAccounts.
            "--disable-admission-plugins=ServiceAccount",
            *self.flags,
        ]

    def _is_ready(self) -> bool:
        client = self.client()
        try:
            # The namespace comes a moment after the rest.
            return client.ask("GET", "/readyz") == "ok" and bool(client.get("Namespace", "default"))
        except ApiError:
            return False
        finally:
            client.close()
            self._clients.remove(client)
