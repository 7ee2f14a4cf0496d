"""A kubeconfig: which namespace is ours by it, and who we are, which the kubernetes client finds out.

Nothing that is told of one repeats a value but names and paths: the others are tokens and keys.
"""

import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final

import yaml
from kubernetes.aio.client import Configuration
from kubernetes.aio.config import kube_config
from kubernetes.aio.config.kube_config import KubeConfigLoader

from watcher.cluster import fields, plugin
from watcher.cluster.access_error import AccessError
from watcher.kinds import DEFAULT_NAMESPACE

BEARER: Final = "BearerToken"  # under which the client keeps a whole Authorization header
# What PyYAML says of a value before it repeats it.
REPEATING: Final = (
    "found undefined alias",
    "found undefined tag handle",
    "could not determine a constructor for the tag",
)


def namespace(path: str, context: str | None) -> str:
    """That of the context, the current one unless it is named. Raises AccessError for a file that is no
    kubeconfig, that does not say all that the context names, or whose certificates, keys or token are of no
    use.
    """
    content, wanted = _read(path, context)
    _demand_fields(content, wanted, Path(path).absolute().parent)
    return str(_named(content, "context")[wanted].get("namespace") or DEFAULT_NAMESPACE)


@asynccontextmanager
async def loaded(path: str, context: str | None, configuration: Configuration) -> AsyncIterator[None]:
    """Reads the file anew, and runs its plugin. Raises AccessError, and whatever the client does at values
    that are of other types than it expects.

    TLS takes keys from files alone: those of keys that stand in the kubeconfig, or come from the plugin, are
    there only while this is entered.
    """
    content, wanted = _read(path, context)
    base = Path(path).absolute().parent
    content = await _resolved(content, wanted, base)
    _demand_fields(content, wanted, base)
    with tempfile.TemporaryDirectory(prefix="isoline-") as folder:
        # Not by the file's name: then the client puts whole users, secrets included, into its messages.
        loader = KubeConfigLoader(content, wanted, config_base_path=str(base), temp_file_path=folder)  # type: ignore[no-untyped-call]
        try:
            await loader.load_and_set(configuration)  # type: ignore[no-untyped-call]
            yield
        finally:
            # Else the client names the same files again for the same keys, when they are gone.
            kube_config._cleanup_temp_files()  # type: ignore[no-untyped-call]  # noqa: SLF001


async def _resolved(content: dict[str, Any], wanted: str, base: Path) -> dict[str, Any]:
    """With what the client would take otherwise than kubectl, or not at all. Raises AccessError."""
    meant = _named(content, "context")[wanted]
    cluster = _named(content, "cluster")[meant["cluster"]]
    scheme, colon, rest = cluster["server"].partition(":")
    cluster = {**cluster, "server": scheme.lower() + colon + rest}
    content = {**content, "clusters": [{"name": meant["cluster"], "cluster": cluster}]}
    users = {"": {}, **_named(content, "user")}  # who names no user is anonymous
    name = meant.get("user") or ""
    user = users[name]
    if "exec" in user:
        kept = {key: value for key, value in user.items() if key.startswith("client-")}
        user = kept | await plugin.answer(user["exec"], cluster, base)
    elif user.get("tokenFile"):
        user = {key: value for key, value in user.items() if key != "token"}
    elif user or name:
        return content
    return {
        **content,
        "contexts": [{"name": wanted, "context": {**meant, "user": name or "anonymous"}}],
        "users": [{"name": name or "anonymous", "user": user}],
    }


def _demand_fields(content: dict[str, Any], wanted: str, base: Path) -> None:
    """Raises AccessError for what a cluster or a user names, or holds, and TLS would refuse."""
    meant = _named(content, "context")[wanted]
    cluster, user = meant["cluster"], meant.get("user") or ""
    users = {"": {}, **_named(content, "user")}
    fields.demand(
        fields.Entry(f"cluster {cluster!r}", _named(content, "cluster")[cluster], base),
        fields.Entry(f"user {user!r}", users[user], base),
    )


def _read(path: str, context: str | None) -> tuple[dict[str, Any], str]:
    """All of it, and the name of the context that is meant, whose cluster and user are there."""
    try:
        content = yaml.safe_load(Path(path).read_bytes())
    except OSError as error:
        raise AccessError(error.strerror or str(error)) from None
    except yaml.MarkedYAMLError as error:
        raise AccessError(f"no YAML: {_problem(error)}") from None
    except (yaml.YAMLError, ValueError) as error:  # of a character, of a date
        raise AccessError(f"no YAML: {' '.join(str(error).split())}") from None
    if not isinstance(content, dict):
        content = {}
    return content, _wanted(content, context)


def _problem(error: yaml.MarkedYAMLError) -> str:
    """What is wrong, and where. The error's own text shows the line."""
    problem = next((each for each in REPEATING if str(error.problem).startswith(each)), error.problem)
    mark = error.problem_mark or error.context_mark
    return f"line {mark.line + 1}, column {mark.column + 1}: {problem}" if mark else str(problem)


def _wanted(content: dict[str, Any], context: str | None) -> str:
    """The name of the context. Raises AccessError unless it can be used."""
    contexts, clusters, users = (_named(content, kind) for kind in ("context", "cluster", "user"))
    if not contexts:
        raise AccessError("no kubeconfig, for it has no contexts")
    wanted = context or content.get("current-context")
    if not wanted:
        raise AccessError(f"has no current context; name one with --context: {', '.join(contexts)}")
    if not isinstance(wanted, str) or wanted not in contexts:
        raise AccessError(f"has no context {_name(wanted)}; it has {', '.join(contexts)}")
    cluster, user = contexts[wanted].get("cluster"), contexts[wanted].get("user")
    if not isinstance(cluster, str) or cluster not in clusters:
        raise AccessError(f"context {wanted!r} names cluster {_name(cluster)}, which is not there")
    server = clusters[cluster].get("server")
    if not isinstance(server, str) or not server:
        raise AccessError(f"cluster {cluster!r} has no server")
    if "://" not in server:
        raise AccessError(f"cluster {cluster!r} names a server without scheme; write it as https://HOST:PORT")
    if user and (not isinstance(user, str) or user not in users):
        raise AccessError(f"context {wanted!r} names user {_name(user)}, which is not there")
    if user and users[user].get("auth-provider"):
        # The client logs in at one without looking at its certificate.
        raise AccessError(f"user {user!r} has an auth-provider, which is not supported: use exec")
    return wanted


def _name(value: object) -> str:
    """As it is shown; whoever writes a user where its name belongs writes a secret there."""
    return repr(value) if isinstance(value, str | None) else f"(a {type(value).__name__})"


def _named(content: dict[str, Any], kind: str) -> dict[str, dict[str, Any]]:
    """The contexts, clusters or users of a kubeconfig by name; what has no content is empty."""
    found = content.get(f"{kind}s")
    items = [item for item in found if isinstance(item, dict)] if isinstance(found, list) else []
    contents = {str(item["name"]): item.get(kind) for item in items if "name" in item}
    return {name: content if isinstance(content, dict) else {} for name, content in contents.items()}
