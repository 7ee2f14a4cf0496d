"""Where an API server is, and who we are to it: from a kubeconfig, or as a pod's ServiceAccount.

The kubernetes client reads both, and re-reads a ServiceAccount's token, which is replaced
about hourly.
"""

import asyncio
import ssl
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from kubernetes.aio.client import Configuration
from kubernetes.aio.config import ConfigException
from kubernetes.aio.config.incluster_config import SERVICE_TOKEN_FILENAME, load_incluster_config

from runtime.start_error import StartError
from watcher.cluster import kubeconfig
from watcher.cluster.access_error import AccessError
from watcher.cluster.fields import NO_PASSWORD
from watcher.cluster.kubeconfig import BEARER
from watcher.kinds import DEFAULT_NAMESPACE

# A plugin that has failed is not run again at once: each list and watch would, one after the other.
PATIENCE_SECONDS = 1.0
# What a plugin has just said is not asked again because of a 401, nor very often because of an outage: it may
# open a browser.
FRESH_SECONDS = 1.0
UNREACHED_SECONDS = 30.0

# Fills a configuration; the files that it names need not be there longer than this is entered.
Load = Callable[[Configuration], AbstractAsyncContextManager[None]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Credentials:
    """What a request needs. `tls` is None for a server in clear; `tls_name` is the name its certificate must
    have where that is not the one in `server`. `headers` may hold a token. `reading` counts how often all was
    read.
    """

    server: str
    tls: ssl.SSLContext | None
    headers: dict[str, str] = field(repr=False)
    tls_name: str | None = None
    proxy: str | None = None
    reading: int = 0


class Access:
    """One API server and one user. Raises AccessError from `credentials`, never from the constructor."""

    def __init__(self, origin: str, load: Load, namespace: str) -> None:
        self.origin = origin
        """The flag that says so, for messages."""
        self.namespace = namespace
        """Ours: that of the ServiceAccount, or of the kubeconfig's context."""
        self._load = load
        self._reading: _Reading | None = None
        self._readings = 0
        self._task: asyncio.Task[_Reading | AccessError] | None = None
        self._failure: AccessError | None = None
        self._patient_until = 0.0

    @classmethod
    def of_kubeconfig(cls, path: str, context: str | None = None) -> "Access":
        """As kubectl would, with the current context unless one is named. Raises StartError."""
        origin = f"--kubeconfig {path}"
        try:
            namespace = kubeconfig.namespace(path, context)
        except AccessError as error:
            raise StartError(f"{origin}: {error}") from None
        return cls(origin, partial(kubeconfig.loaded, path, context), namespace)

    @classmethod
    def in_cluster(cls) -> "Access":
        """As the ServiceAccount of the pod that we run in. Raises StartError where there is none."""

        @asynccontextmanager
        async def loaded(configuration: Configuration) -> AsyncIterator[None]:
            load_incluster_config(configuration)  # type: ignore[no-untyped-call]
            yield

        try:
            load_incluster_config(_configuration())  # type: ignore[no-untyped-call]
            namespace = Path(SERVICE_TOKEN_FILENAME).with_name("namespace").read_text().strip()
        except (ConfigException, OSError) as error:
            raise StartError(
                f"--in-cluster: {error}; is this a pod with a token? Elsewhere give --kubeconfig FILE"
            ) from error
        return cls("--in-cluster", loaded, namespace or DEFAULT_NAMESPACE)

    def refused(self, used: Credentials) -> bool:
        """After a 401: unless they are fresh all is read again before the next request, and unless that has
        been done since. Whether that request will have others.
        """
        return self._forget(used, FRESH_SECONDS)

    def unreached(self, used: Credentials) -> None:
        """After a connection that failed: there may be another certificate, another CA, another server. So
        all is read again before the next request, but that not often.
        """
        self._forget(used, UNREACHED_SECONDS)

    def _forget(self, used: Credentials, age: float) -> bool:
        held = self._reading
        if held is None or held.number != used.reading:
            return True
        if asyncio.get_running_loop().time() - held.at < age:
            return False
        self._reading = None
        return True

    async def credentials(self) -> Credentials:
        """As they are now. Raises AccessError."""
        reading = self._reading or await self._read()
        with _mapped():
            token = await reading.configuration.get_api_key_with_prefix(BEARER)  # re-reads a pod's token
        return Credentials(
            server=reading.configuration.host.rstrip("/"),
            tls=reading.tls,
            headers={} if token is None else {"Authorization": token.strip()},
            tls_name=reading.configuration.tls_server_name,
            proxy=reading.configuration.proxy,
            reading=reading.number,
        )

    async def close(self) -> None:
        """Ends what is being read, and a plugin with it."""
        if (task := self._task) is not None:
            task.cancel()
            await asyncio.wait([task])
            self._task = None

    async def _read(self) -> "_Reading":
        """By a task of its own, for all who ask: a plugin may take longer than the patience of each of them,
        and may even ask its user. Raises AccessError, the last one again while it is new.
        """
        if self._task is None:
            if self._failure is not None and asyncio.get_running_loop().time() < self._patient_until:
                raise self._failure
            self._task = asyncio.create_task(self._outcome(), name="credentials")
        found = await asyncio.shield(self._task)
        if isinstance(found, AccessError):
            raise found
        return found

    async def _outcome(self) -> "_Reading | AccessError":
        """A failure is a value: nobody may be left who asks."""
        try:
            with _mapped():
                configuration, tls = await self._loaded()
        except AccessError as error:
            self._patient_until = asyncio.get_running_loop().time() + PATIENCE_SECONDS
            self._failure = error
            return error
        finally:
            self._task = None
        self._readings += 1
        at = asyncio.get_running_loop().time()
        self._reading = _Reading(self._readings, at, configuration, tls)
        return self._reading

    async def _loaded(self) -> tuple[Configuration, ssl.SSLContext | None]:
        configuration = _configuration()
        async with self._load(configuration):
            return configuration, _tls(configuration) if configuration.host.startswith("https:") else None


@dataclass(frozen=True, slots=True)
class _Reading:
    """All that was read at once, for the `number`th time, and when by the loop's clock."""

    number: int
    at: float
    configuration: Configuration
    tls: ssl.SSLContext | None


@contextmanager
def _mapped() -> Iterator[None]:
    """Foreign exceptions of files, of TLS and of the client, as AccessError."""
    try:
        yield
    except (ConfigException, OSError, ValueError) as error:
        raise AccessError(" ".join(str(error).split()) or type(error).__name__) from error
    except (AttributeError, KeyError, TypeError) as error:  # of the client, at what is no kubeconfig
        raise AccessError(f"is written as no kubeconfig is: {error!r}") from error


def _configuration() -> Configuration:
    configuration = Configuration()
    configuration.host = ""  # not localhost, where nothing is said
    return configuration


def _tls(configuration: Configuration) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=configuration.ssl_ca_cert)
    # Kubernetes' own tools take certificates without the extensions that this demands (the default from
    # Python 3.13).
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT
    if configuration.cert_file:
        context.load_cert_chain(configuration.cert_file, configuration.key_file, NO_PASSWORD)
    if not configuration.verify_ssl:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context
