"""Where an API server is, and who we are to it: from a kubeconfig, or as a pod's ServiceAccount.

The kubernetes client reads both, runs exec plugins and re-reads a ServiceAccount's token, which is replaced
about hourly.
"""

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

DEFAULT_NAMESPACE = "default"
BEARER = "BearerToken"  # under which the client keeps a whole Authorization header


class AccessError(Exception):
    """The configuration can't be read, or gives no credentials; the text says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Credentials:
    """What a request needs. `tls` is None for a server in clear; `tls_name` is the name its certificate must
    have where that is not the one in `server`. `headers` may hold a token.
    """

    server: str
    tls: ssl.SSLContext | None
    headers: dict[str, str] = field(repr=False)
    tls_name: str | None = None
    proxy: str | None = None


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

    def forget(self) -> None:
        """What is known may be out of date: everything is read again before the next request."""
        self._configuration = None

    async def credentials(self) -> Credentials:
        """As they are now. Raises AccessError."""
        try:
            if self._configuration is None:
                self._configuration, self._tls = await self._loaded()
            token = await self._configuration.get_api_key_with_prefix(BEARER)  # re-reads a pod's token
        except (ConfigException, OSError, ValueError, yaml.YAMLError) as error:
            raise AccessError(str(error).strip() or type(error).__name__) from error
        return Credentials(
            server=self._configuration.host.rstrip("/"),
            tls=self._tls,
            headers={} if token is None else {"Authorization": token.strip()},
            tls_name=self._configuration.tls_server_name,
            proxy=self._configuration.proxy,
        )

    async def _loaded(self) -> tuple[Configuration, ssl.SSLContext | None]:
        configuration = _configuration()
        with _complaints() as complaints:
            await self._load(configuration)
        if complaints and BEARER not in configuration.api_key and not configuration.cert_file:
            raise AccessError("; ".join(complaints))
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
    """The namespace of the context. Raises StartError for a file that is no kubeconfig, or without that
    context.
    """
    try:
        config = yaml.safe_load(Path(path).read_bytes())
    except OSError as error:
        raise StartError(f"--kubeconfig {path}: {error.strerror or error}") from error
    except (yaml.YAMLError, ValueError) as error:
        raise StartError(f"--kubeconfig {path}: no YAML: {' '.join(str(error).split())}") from error
    named = {item["name"]: item.get("context") for item in _items(config, "contexts") if "name" in item}
    wanted = context or (config.get("current-context") if isinstance(config, dict) else None)
    if not named:
        raise StartError(f"--kubeconfig {path}: no kubeconfig, for it has no contexts")
    if not wanted:
        raise StartError(f"--kubeconfig {path}: has no current context; name one with --context")
    if wanted not in named:
        raise StartError(
            f"--kubeconfig {path}: has no context {wanted!r}; it has {', '.join(map(str, named))}"
        )
    found = named[wanted]
    return str((found.get("namespace") if isinstance(found, dict) else None) or DEFAULT_NAMESPACE)


def _items(config: object, name: str) -> list[dict[str, Any]]:
    found = config.get(name) if isinstance(config, dict) else None
    return [item for item in found if isinstance(item, dict)] if isinstance(found, list) else []


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
