"""What is told of a kubeconfig that is wrong: where and why, and nothing of what stands in it."""

import asyncio
import json
import tempfile
import traceback
from base64 import b64encode
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, Encoding, PrivateFormat

from runtime.start_error import StartError
from tests.kube.authority import Authority
from tests.support.certificate import Pair, key, pair
from tests.watcher.cluster.jumping import jumping
from watcher.cluster.access import Access
from watcher.cluster.access_error import AccessError

SECRET = "S3CR3T"
Write = Callable[..., str]


@pytest.fixture
def kubeconfig(tmp_path: Path) -> Write:
    """Writes one, whose context has this user."""

    def write(user: object, entry: dict[str, Any] | None = None) -> str:
        content = {
            "clusters": [{"name": "c", "cluster": {"server": "https://127.0.0.1:1"}}],
            "users": [{"name": "u", "user": user} if entry is None else entry],
            "contexts": [{"name": "dev", "context": {"cluster": "c", "user": "u"}}],
            "current-context": "dev",
        }
        path = tmp_path / "config"
        path.write_text(yaml.safe_dump(content))
        return str(path)

    return write


def plugin(**more: Any) -> dict[str, Any]:  # noqa: ANN401 - of a kubeconfig
    """A user of an exec plugin, with a token and with a secret for the plugin."""
    version = "client.authentication.k8s.io/v1"
    env = [{"name": "PASSWORD", "value": SECRET}]
    return {"password": SECRET, "exec": {"apiVersion": version, "command": "./login", "env": env} | more}


WRONG: dict[str, tuple[object, str]] = {
    "a plugin without a command": (plugin(command=None), "exec: has no command"),
    "a plugin that is a list": ({"exec": [SECRET]}, "exec: has to be a mapping"),
    "a variable without a value": (
        plugin(env=[{"name": SECRET}]),
        "exec: env has to be a list of name and value",
    ),
    "a plugin with a number": (plugin(args=[5]), "exec: args has to be a list of strings"),
    "a plugin of another version": (plugin(apiVersion="v1"), "exec: apiVersion has to be client."),
    "a password that is a list": ({"username": "a", "password": [SECRET]}, "is written as no kubeconfig is"),
}


@pytest.mark.parametrize("name", WRONG)
async def test_a_user_that_is_wrong_is_told_without_what_it_holds(kubeconfig: Write, name: str) -> None:
    """Also in the trace, which nobody should see."""
    user, told = WRONG[name]

    with pytest.raises(AccessError) as raised:
        await Access.of_kubeconfig(kubeconfig(user)).credentials()

    assert told in str(raised.value)
    assert SECRET not in "".join(traceback.format_exception(raised.value))


GOOD, OTHER = pair(), pair(number=1)
CERTIFICATE = b64encode(GOOD.chain).decode()
FILES = {
    "empty": b"\n",
    "bytes": b"\xff\x00",
    "cut": GOOD.chain[: len(GOOD.chain) // 2],
    "key": GOOD.key,
    "other": OTHER.key,
    "locked": key().private_bytes(
        Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(SECRET.encode())
    ),
}
# What is wrong of a user; the files lie beside the kubeconfig, with a folder.
USELESS: dict[str, tuple[dict[str, Any], str]] = {
    "a token that is gone": ({"tokenFile": "gone"}, "tokenFile {0}/gone: No such file or directory"),
    "a token that is a folder": ({"tokenFile": "folder"}, "tokenFile {0}/folder: Is a directory"),
    "a token that is empty": ({"tokenFile": "empty"}, "tokenFile {0}/empty: is empty"),
    "a token of bytes": (
        {"tokenFile": "bytes"},
        "tokenFile {0}/bytes: holds no token, which is one line of printable ASCII",
    ),
    "a certificate that is gone": (
        {"client-certificate": "gone", "client-key": "key"},
        "client-certificate {0}/gone: No such file or directory",
    ),
    "a certificate that is cut": (
        {"client-certificate": "cut", "client-key": "key"},
        "client-certificate {0}/cut: holds no certificate in PEM that can be read",
    ),
    "a certificate that is none": (
        {"client-certificate-data": "YQ==", "client-key": "key"},
        "client-certificate-data: holds no certificate in PEM that can be read",
    ),
    "a certificate that is a number": ({"client-certificate": 5}, "client-certificate: has to be a string"),
    "a certificate without a key": (
        {"client-certificate-data": CERTIFICATE},
        "client-certificate-data: there is no client-key beside it",
    ),
    "a key that is gone": (
        {"client-key": "gone", "token": SECRET},
        "client-key {0}/gone: No such file or directory",
    ),
    "a key that is no base64": ({"client-key-data": f"{SECRET}="}, "client-key-data: no base64"),
    "a key that is none": (
        {"client-certificate-data": CERTIFICATE, "client-key": "cut"},
        "client-key {0}/cut: holds no private key in PEM that can be read without a password",
    ),
    "a key with a password": (
        {"client-certificate-data": CERTIFICATE, "client-key": "locked"},
        "client-key {0}/locked: holds no private key in PEM that can be read without a password",
    ),
    "another's key": (
        {"client-certificate-data": CERTIFICATE, "client-key": "other"},
        "client-key {0}/other: is not the key of its client-certificate",
    ),
}


@pytest.mark.parametrize("name", USELESS)
async def test_a_file_that_is_of_no_use_is_told_by_its_field(
    kubeconfig: Write, tmp_path: Path, name: str
) -> None:
    """At the start, and when all is read again."""
    user, told = USELESS[name]
    access = Access.of_kubeconfig(kubeconfig({"token": SECRET}))
    path = kubeconfig(user)
    for file, content in FILES.items():
        (tmp_path / file).write_bytes(content)
    (tmp_path / "folder").mkdir()
    line = f"user 'u': {told.format(tmp_path)}"

    with pytest.raises(StartError) as refused:
        Access.of_kubeconfig(path)
    with pytest.raises(AccessError) as raised:
        await access.credentials()

    assert (str(refused.value), str(raised.value)) == (f"--kubeconfig {path}: {line}", line)


@pytest.mark.parametrize("user", [{}, {"user": None}], ids=["none", "null"])
async def test_who_names_no_user_is_anonymous(kubeconfig: Write, user: dict[str, Any]) -> None:
    """As with kubectl."""
    path = kubeconfig({"token": SECRET})
    content = yaml.safe_load(Path(path).read_text())
    content["contexts"] = [{"name": "dev", "context": {"cluster": "c", **user}}]
    Path(path).write_text(yaml.safe_dump(content))

    credentials = await Access.of_kubeconfig(path).credentials()

    assert (credentials.server, credentials.headers) == ("https://127.0.0.1:1", {})


async def test_a_scheme_may_be_in_capitals(kubeconfig: Write) -> None:
    """Else TLS would be left out."""
    path = Path(kubeconfig({"token": SECRET}))
    path.write_text(path.read_text().replace("https://", "HTTPS://"))

    credentials = await Access.of_kubeconfig(str(path)).credentials()

    assert (credentials.server, credentials.tls is not None) == ("https://127.0.0.1:1", True)


async def test_a_file_with_a_token_goes_before_a_token(kubeconfig: Write, tmp_path: Path) -> None:
    """As in client-go: the file is replaced when the token expires."""
    (tmp_path / "token").write_text("new")

    credentials = await Access.of_kubeconfig(kubeconfig({"token": "old", "tokenFile": "token"})).credentials()

    assert credentials.headers == {"Authorization": "Bearer new"}


async def test_a_user_without_content_is_told_by_name(kubeconfig: Write) -> None:
    """The client's own message would show all that stands beside the name."""
    path = kubeconfig(None, {"name": "u", "token": SECRET})

    with pytest.raises(AccessError) as raised:
        await Access.of_kubeconfig(path).credentials()

    assert str(raised.value).startswith(
        "Invalid kube-config file. Expected key user in kube-config/users[name=u]"
    )
    assert SECRET not in "".join(traceback.format_exception(raised.value))


BROKEN = {
    f"password: 'it's {SECRET}'": "line 1, column 15: expected <block end>, but found '<scalar>'",
    f"a: 1\n{SECRET}: [": "line 2, column 10: expected the node content, but found '<stream end>'",
    f"password: *{SECRET}": "line 1, column 11: found undefined alias",
    f"password: !{SECRET}": "line 1, column 11: could not determine a constructor for the tag",
    f"password: !{SECRET}!x": "line 1, column 11: found undefined tag handle",
    f"password: {SECRET}\n\ta: b": "line 2, column 1: found character '\\t' that cannot start any token",
}


@pytest.mark.parametrize("text", BROKEN)
def test_what_is_no_yaml_is_told_by_line_and_column(tmp_path: Path, text: str) -> None:
    """The line itself may hold a token."""
    path = tmp_path / "config"
    path.write_text(text)

    with pytest.raises(StartError) as raised:
        Access.of_kubeconfig(str(path))

    assert str(raised.value) == f"--kubeconfig {path}: no YAML: {BROKEN[text]}"


async def test_a_kubeconfig_that_breaks_meanwhile_is_told_so_as_well(kubeconfig: Write) -> None:
    """It is read again and again."""
    path = kubeconfig({"token": SECRET})
    access = Access.of_kubeconfig(path)
    Path(path).write_text(f"password: 'it's {SECRET}'")

    with pytest.raises(AccessError, match=r"^no YAML: line 1, column 15: expected <block end>"):
        await access.credentials()


PLUGIN = """\
#!/bin/sh
echo '{"apiVersion": "client.authentication.k8s.io/v1", "kind": "ExecCredential", "status": '
cat "${0%/*}/status"
echo '}'
"""


@pytest.mark.parametrize("kind", ["data", "exec"])
def test_keys_are_in_files_only_while_they_are_read(
    kubeconfig: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    """Killed at any later time, or robbed of its temporary files, a process leaves and misses none."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "tmp"))
    monkeypatch.setattr("watcher.cluster.plugin.SECONDS", None)  # this clock jumps while it works
    (tmp_path / "tmp").mkdir()
    pair = Authority("ca").client("u")

    @jumping
    async def test() -> None:
        access = Access.of_kubeconfig(kubeconfig(with_certificate(kind, pair, tmp_path)))
        for reading in (1, 2):
            credentials = await access.credentials()

            assert (credentials.reading, credentials.tls is not None) == (reading, True)
            assert list((tmp_path / "tmp").iterdir()) == []
            await asyncio.sleep(1.0)
            access.refused(credentials)

    test()


def with_certificate(kind: str, pair: Pair, folder: Path) -> dict[str, Any]:
    """A user who has it in the kubeconfig, or from a plugin."""
    if kind == "data":
        chain, key = b64encode(pair.chain).decode(), b64encode(pair.key).decode()
        return {"client-certificate-data": chain, "client-key-data": key}
    (folder / "login").write_text(PLUGIN)
    (folder / "login").chmod(0o700)
    status = {"clientCertificateData": pair.chain.decode(), "clientKeyData": pair.key.decode()}
    (folder / "status").write_text(json.dumps(status))
    return plugin(command=str(folder / "login"))
