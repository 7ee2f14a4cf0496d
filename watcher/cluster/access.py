"""Where an API server is, and who we are to it: from a kubeconfig, or as a pod's ServiceAccount.

The kubernetes client reads both, runs exec plugins and re-reads a ServiceAccount's token, which is replaced
about hourly.
"""

import asyncio
import logging
import ssl
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml
from kubernetes.aio.client import Configuration
from kubernetes.aio.config import ConfigException, load_kube_config
from kubernetes.aio.config.incluster_config import SERVICE_TOKEN_FILENAME, load_incluster_config

from runtime.start_error import StartError
from watcher.kinds import DEFAULT_NAMESPACE

# A plugin that has failed is not run again at once: each list and watch would, one after the other.
PATIENCE_SECONDS = 1.0
BEARER = "BearerToken"  # under which the client keeps a whole Authorization header


class AccessError(Exception):
    """The configuration can't be read, or gives no credentials; the text says why."""


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

    def __init__(self, origin: str, load: Callable[[Configuration], Awaitable[None]], namespace: str) -> None:
        self.origin = origin
        """The flag that says so, for messages."""
        self.namespace = namespace
        """Ours: that of the ServiceAccount, or of the kubeconfig's context."""
        self._load = load
        self._configuration: Configuration | None = None
        self._tls: ssl.SSLContext | None = None
        self._readings = 0
        self._turn = asyncio.Lock()
        self._failure: AccessError | None = None
        self._patient_until = 0.0

    @classmethod
    def of_kubeconfig(cls, path: str, context: str | None = None) -> "Access":
        """As kubectl would, with the current context unless one is named. Raises StartError."""

        async def load(configuration: Configuration) -> None:
            await load_kube_config(path, context, configuration, persist_config=False)  # type: ignore[no-untyped-call]

        return cls(f"--kubeconfig {path}", load, _namespace(path, context))

    @classmethod
    def in_cluster(cls) -> "Access":
        """As the ServiceAccount of the pod that we run in. Raises StartError where there is none."""

        async def load(configuration: Configuration) -> None:
            load_incluster_config(configuration)  # type: ignore[no-untyped-call]

        try:
            load_incluster_config(_configuration())  # type: ignore[no-untyped-call]
            namespace = Path(SERVICE_TOKEN_FILENAME).with_name("namespace").read_text().strip()
        except (ConfigException, OSError) as error:
            raise StartError(
                f"--in-cluster: {error}; is this a pod with a token? Elsewhere give --kubeconfig FILE"
            ) from error
        return cls("--in-cluster", load, namespace or DEFAULT_NAMESPACE)

    def forget(self, used: Credentials) -> None:
        """These may be out of date: unless that has been done since, all is read again before the next
        request.
        """
        if used.reading == self._readings:
            self._configuration = None

    async def credentials(self) -> Credentials:
        """As they are now. Raises AccessError.

        Whoever asks meanwhile waits: a plugin may take its time, and may even ask its user.
        """
        async with self._turn:
            try:
                if self._configuration is None:
                    self._demand_patience()
                    self._configuration, self._tls = await self._loaded()
                    self._readings += 1
                configuration = self._configuration
                token = await configuration.get_api_key_with_prefix(BEARER)  # re-reads a pod's token
            except (ConfigException, OSError, ValueError, yaml.YAMLError) as error:
                raise self._failed(" ".join(str(error).split()) or type(error).__name__) from error
            except (AttributeError, KeyError, TypeError) as error:  # of the client, at what is no kubeconfig
                raise self._failed(f"is written as no kubeconfig is: {error!r}") from error
            return Credentials(
                server=configuration.host.rstrip("/"),
                tls=self._tls,
                headers={} if token is None else {"Authorization": token.strip()},
                tls_name=configuration.tls_server_name,
                proxy=configuration.proxy,
                reading=self._readings,
            )

    def _demand_patience(self) -> None:
        """Raises the last AccessError again while it is new."""
        if self._failure is not None and asyncio.get_running_loop().time() < self._patient_until:
            raise self._failure

    def _failed(self, why: str) -> AccessError:
        self._patient_until = asyncio.get_running_loop().time() + PATIENCE_SECONDS
        self._failure = AccessError(why)
        return self._failure

    async def _loaded(self) -> tuple[Configuration, ssl.SSLContext | None]:
        configuration = _configuration()
        with _complaints() as complaints:
            await self._load(configuration)
        if complaints and BEARER not in configuration.api_key and not configuration.cert_file:
            raise ConfigException("; ".join(complaints))
        return configuration, _tls(configuration) if configuration.host.startswith("https:") else None


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
        context.load_cert_chain(configuration.cert_file, configuration.key_file)
    if not configuration.verify_ssl:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


def _namespace(path: str, context: str | None) -> str:
    """The namespace of the context. Raises StartError for a file that is no kubeconfig, or that does not say
    all that the context names.
    """
    try:
        return _demanded(yaml.safe_load(Path(path).read_bytes()), context)
    except OSError as error:
        wrong = error.strerror or str(error)
    except yaml.YAMLError as error:
        wrong = f"no YAML: {' '.join(str(error).split())}"
    except ValueError as error:
        wrong = str(error)
    raise StartError(f"--kubeconfig {path}: {wrong}")


def _demanded(config: object, context: str | None) -> str:
    """The namespace of the context, whose cluster and user are there. Raises ValueError."""
    contexts, clusters, users = (_named(config, kind) for kind in ("context", "cluster", "user"))
    if not contexts:
        raise ValueError("no kubeconfig, for it has no contexts")
    wanted = context or (config.get("current-context") if isinstance(config, dict) else None)
    if not wanted:
        raise ValueError(f"has no current context; name one with --context: {', '.join(contexts)}")
    if wanted not in contexts:
        raise ValueError(f"has no context {wanted!r}; it has {', '.join(contexts)}")
    cluster, user = contexts[wanted].get("cluster"), contexts[wanted].get("user")
    if cluster not in clusters:
        raise ValueError(f"context {wanted!r} names cluster {cluster!r}, which is not there")
    if not clusters[cluster].get("server"):
        raise ValueError(f"cluster {cluster!r} has no server")
    if user and user not in users:
        raise ValueError(f"context {wanted!r} names user {user!r}, which is not there")
    return str(contexts[wanted].get("namespace") or DEFAULT_NAMESPACE)


def _named(config: object, kind: str) -> dict[str, dict[str, Any]]:
    """The contexts, clusters or users of a kubeconfig by name; what has no content is empty."""
    found = config.get(f"{kind}s") if isinstance(config, dict) else None
    items = [item for item in found if isinstance(item, dict)] if isinstance(found, list) else []
    contents = {str(item["name"]): item.get(kind) for item in items if "name" in item}
    return {name: content if isinstance(content, dict) else {} for name, content in contents.items()}


@contextmanager
def _complaints() -> Iterator[list[str]]:
    """What the client logs instead of raising: that an exec plugin failed, and why."""
    found: list[str] = []

    class Keep(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            found.append(" ".join(record.getMessage().split()))

    logger = logging.getLogger(load_kube_config.__module__)
    keep = Keep(logging.ERROR)
    propagate, logger.propagate = logger.propagate, False
    logger.addHandler(keep)
    try:
        yield found
    finally:
        logger.removeHandler(keep)
        logger.propagate = propagate
