"""A plugin of a kubeconfig (`exec`), which tells who we are. It ends when nobody wants its answer any more.

Source: https://kubernetes.io/docs/reference/access-authn-authz/authentication/#client-go-credential-plugins
"""

import asyncio
import contextlib
import json
import os
import signal
import sys
from asyncio.subprocess import DEVNULL
from base64 import b64encode
from collections.abc import AsyncIterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from watcher.cluster.access_error import AccessError

# Whoever is asked for a code or in a browser has so long.
SECONDS = 60.0
# Of an answer, which holds a token or a certificate with its key.
MAX_BYTES: Final = 1 << 20
VERSIONS: Final = ("client.authentication.k8s.io/v1", "client.authentication.k8s.io/v1beta1")
# What a plugin is told of the cluster, beside its CA: the form of a kubeconfig.
OF_CLUSTER: Final = (
    "server",
    "tls-server-name",
    "insecure-skip-tls-verify",
    "proxy-url",
    "disable-compression",
)
EXTENSION: Final = "client.authentication.k8s.io/exec"


async def answer(wanted: object, cluster: Mapping[str, Any], folder: Path) -> dict[str, str]:
    """What its user would have in a kubeconfig: `token`, or `client-certificate-data` with
    `client-key-data`. `wanted` is its `exec`, `folder` that of the kubeconfig. Raises AccessError.

    It writes to our stderr, for it may prompt.
    """
    if not isinstance(wanted, dict):
        raise AccessError("exec: has to be a mapping with command and apiVersion")
    version, command = wanted.get("apiVersion"), wanted.get("command")
    if not isinstance(command, str) or not command:
        raise AccessError("exec: has no command")
    if version not in VERSIONS:
        raise AccessError(f"exec: apiVersion has to be {' or '.join(VERSIONS)}")
    interactive = wanted.get("interactiveMode") != "Never" and sys.stdin is not None and sys.stdin.isatty()
    spec: dict[str, Any] = {"interactive": interactive}
    if wanted.get("provideClusterInfo"):
        spec["cluster"] = _told(cluster, folder)
    info = {
        "KUBERNETES_EXEC_INFO": json.dumps({"apiVersion": version, "kind": "ExecCredential", "spec": spec})
    }
    # As kubectl: what has no slash is looked for in PATH.
    program = str(folder / command) if "/" in command else command
    words, env = [program, *_args(wanted)], {**os.environ, **_env(wanted), **info}
    async with _pipe() as (output, stdout):
        try:
            process = await _started(words, env, None if interactive else DEVNULL, stdout)
        except (OSError, ValueError) as error:
            hint = wanted.get("installHint")
            why = getattr(error, "strerror", None) or str(error)
            raise AccessError(f"exec: {why}: {command!r}{f'; {hint}' if hint else ''}") from None
        finally:
            os.close(stdout)
        return _user(await _output(process, output, command), version, command)


@contextlib.asynccontextmanager
async def _pipe() -> AsyncIterator[tuple[asyncio.StreamReader, int]]:
    """Where a plugin writes, for us to close. Not a pipe of asyncio's: until all that have inherited that are
    gone, nobody learns that the process is (before Python 3.13), and a browser may have inherited it.
    """
    read, write = os.pipe()
    output = asyncio.StreamReader()
    reading, _ = await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(output), os.fdopen(read, "rb", 0)
    )
    try:
        yield output, write
    finally:
        reading.close()


async def _started(
    words: Sequence[str], env: Mapping[str, str], stdin: int | None, stdout: int
) -> asyncio.subprocess.Process:
    """In a session of its own. Once begun it is begun: what is half started could not be ended with all that
    it has started itself.
    """
    starting = asyncio.create_task(
        asyncio.create_subprocess_exec(*words, env=env, stdin=stdin, stdout=stdout, start_new_session=True)
    )
    try:
        return await asyncio.shield(starting)
    except asyncio.CancelledError:
        with contextlib.suppress(OSError, ValueError):
            await _kill(await starting)
        raise


async def _output(process: asyncio.subprocess.Process, written: asyncio.StreamReader, command: str) -> bytes:
    """All that it writes, when it has ended well."""
    try:
        async with asyncio.timeout(SECONDS):
            try:
                await written.readexactly(MAX_BYTES + 1)
            except asyncio.IncompleteReadError as end:
                output = end.partial
            else:
                raise AccessError(f"exec: {command!r} writes more than {MAX_BYTES} bytes")
            code = await process.wait()
    except BaseException as error:
        await _kill(process)
        if isinstance(error, TimeoutError):
            raise AccessError(f"exec: {command!r} has not answered within {SECONDS:g} s") from None
        raise
    if code:
        raise AccessError(f"exec: {command!r} returned {code}; it says why on stderr")
    return output


async def _kill(process: asyncio.subprocess.Process) -> None:
    """With all that it has started, but for what has left its session."""
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        return
    await process.wait()


def _args(wanted: Mapping[str, Any]) -> list[str]:
    args = wanted.get("args") or []
    if not isinstance(args, list) or not all(isinstance(each, str) for each in args):
        raise AccessError("exec: args has to be a list of strings; put numbers into quotes")
    return args


def _env(wanted: Mapping[str, Any]) -> dict[str, str]:
    pairs = wanted.get("env") or []
    if not isinstance(pairs, list) or not all(
        isinstance(pair, dict) and isinstance(pair.get("name"), str) and isinstance(pair.get("value"), str)
        for pair in pairs
    ):
        raise AccessError("exec: env has to be a list of name and value, both strings")
    return {pair["name"]: pair["value"] for pair in pairs}


def _told(cluster: Mapping[str, Any], folder: Path) -> dict[str, Any]:
    """Of the cluster, when the kubeconfig says so."""
    told = {key: cluster[key] for key in OF_CLUSTER if cluster.get(key)}
    if data := cluster.get("certificate-authority-data"):
        told["certificate-authority-data"] = data
    elif file := cluster.get("certificate-authority"):
        told["certificate-authority-data"] = b64encode((folder / file).read_bytes()).decode()
    extensions = cluster.get("extensions")
    for each in extensions if isinstance(extensions, list) else []:
        if isinstance(each, dict) and each.get("name") == EXTENSION:
            told["config"] = each.get("extension")
    return told


def _user(output: bytes, version: str, command: str) -> dict[str, str]:
    """Nothing that is told repeats a word of it: it holds secrets."""
    try:
        found = json.loads(output)
    except ValueError:
        raise AccessError(f"exec: {command!r} answers no JSON") from None
    if not isinstance(found, dict) or found.get("kind") != "ExecCredential":
        raise AccessError(f"exec: {command!r} answers no ExecCredential")
    if found.get("apiVersion") != version:
        raise AccessError(f"exec: {command!r} answers in another apiVersion than {version}")
    status = found.get("status")
    if not isinstance(status, dict):
        status = {}
    token, chain, key = (status.get(each) for each in ("token", "clientCertificateData", "clientKeyData"))
    user = {}
    if isinstance(token, str) and token:
        user["token"] = token
    if isinstance(chain, str) and isinstance(key, str) and chain and key:
        user["client-certificate-data"] = b64encode(chain.encode()).decode()
        user["client-key-data"] = b64encode(key.encode()).decode()
    if not user:
        raise AccessError(f"exec: {command!r} answers neither a token nor a certificate with its key")
    return user
