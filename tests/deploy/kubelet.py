"""The pods of an API server's workloads as containers, their volumes as a kubelet lays them out."""

import base64
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path

import httpx

from tests.deploy.container import Container, HttpProbe, Plan, entry_point
from tests.deploy.objects import WORKLOADS, Object, Objects
from tests.kube.client import Client

KINDS = (*WORKLOADS, "Service", "ConfigMap", "Secret")


class Kubelet:
    """Runs nothing itself. `client` acts in the namespace of the pods; `server` is the API server's URL."""

    def __init__(self, client: Client, server: str) -> None:
        self._client = client
        found = [item | {"kind": kind} for kind in KINDS for item in client.list(kind)]
        self._objects = Objects(found)
        url = httpx.URL(server)
        # https://kubernetes.io/docs/tasks/run-application/access-api-from-pod/
        self._server = {"KUBERNETES_SERVICE_HOST": url.host, "KUBERNETES_SERVICE_PORT": str(url.port)}

    def plan(self, folder: Path) -> Plan:
        """All pods; their volumes lie below `folder`."""
        return Plan(
            containers=[
                self._container(pod, template["spec"], container, folder)
                for pod, template in self._objects.pods().items()
                for container in template["spec"]["containers"]
            ],
            names=self._names(),
        )

    def _names(self) -> dict[str, list[str]]:
        names: dict[str, list[str]] = {}
        for service in self._objects.of("Service"):
            found, name = self._objects.selected(service["spec"]["selector"]), service["metadata"]["name"]
            names[name] = found
            if service["spec"]["clusterIP"] == "None":
                names |= {f"{pod}.{name}": [pod] for pod in found}
        return names

    def _container(self, pod: str, spec: Object, container: Object, folder: Path) -> Container:
        volumes = {volume["name"]: volume for volume in spec["volumes"]}
        mounts = {mount["mountPath"]: mount for mount in container["volumeMounts"]}
        variables = {item["name"]: _variable(item, pod) for item in container.get("env", ())}
        entry = container.get("command") or entry_point()
        probe = container["readinessProbe"]["httpGet"]
        port = next(port["containerPort"] for port in container["ports"] if port["name"] == probe["port"])
        return Container(
            name=f"{pod}/{container['name']}",
            pod=pod,
            command=tuple(_expand(word, variables) for word in (*entry, *container["args"])),
            env=variables | self._server,
            mounts={
                path: self._volume(spec, volumes[mount["name"]], folder / pod / mount["name"])
                for path, mount in mounts.items()
            },
            read_only=frozenset(path for path, mount in mounts.items() if mount.get("readOnly")),
            ready=HttpProbe(port, probe["path"]),
        )

    def _volume(self, spec: Object, volume: Object, path: Path) -> Path:
        """The volume's folder, made unless another container of the pod has it already."""
        if path.exists():
            return path
        path.mkdir(parents=True)
        if "emptyDir" in volume:
            path.chmod(0o2777)  # as with an fsGroup
        else:
            sources = volume["projected"]["sources"] if "projected" in volume else [volume]
            lay_out(path, dict(item for source in sources for item in self._files(spec, source)))
        return path

    def _files(self, spec: Object, source: Object) -> Iterator[tuple[str, bytes]]:
        """Path and content of each file of a volume, or of one source of a projected one."""
        match source:
            case {"secret": {"secretName": name} as picked}:
                data = self._objects.named("Secret", name)["data"]
                yield from _picked(picked, {key: base64.b64decode(value) for key, value in data.items()})
            case {"configMap": {"name": name} as picked}:
                data = self._objects.named("ConfigMap", name)["data"]
                yield from _picked(picked, {key: value.encode() for key, value in data.items()})
            case {"serviceAccountToken": {"path": path, "expirationSeconds": seconds}}:
                yield path, self._client.token(spec["serviceAccountName"], seconds=seconds).encode()
            case {
                "downwardAPI": {"items": [{"path": path, "fieldRef": {"fieldPath": "metadata.namespace"}}]}
            }:
                yield path, self._client.namespace.encode()
            case _:
                raise AssertionError(f"no kubelet of ours can lay out {source}")


def _variable(item: Object, pod: str) -> str:
    assert item["valueFrom"]["fieldRef"]["fieldPath"] == "metadata.name"
    return pod


def _expand(word: str, variables: Mapping[str, str]) -> str:
    for name, value in variables.items():
        word = word.replace(f"$({name})", value)
    assert "$(" not in word, f"{word}: no such variable"
    return word


def _picked(source: Object, data: Mapping[str, bytes]) -> Iterator[tuple[str, bytes]]:
    for item in source.get("items") or [{"key": key, "path": key} for key in data]:
        yield item["path"], data[item["key"]]


def lay_out(path: Path, files: Mapping[str, bytes]) -> None:
    """As a kubelet does (AtomicWriter): a folder with a time, `..data` that leads to it, and a link for each
    name of the first level.
    """
    made = Path(tempfile.mkdtemp(dir=path, prefix="..2026_01_01_00_00_00."))
    for name, content in files.items():
        (made / name).parent.mkdir(exist_ok=True)
        (made / name).write_bytes(content)
    (path / "..data").symlink_to(made.name)
    for name in {name.partition("/")[0] for name in files}:
        (path / name).symlink_to(f"..data/{name}")
