"""External names that `isoline check` asks DNS about: the core cannot, and nothing else does."""

import subprocess
import sys
import threading
from pathlib import Path

import pytest

from isoline.external_names import ASKERS, refused
from isoline.manifests import read
from isoline.objects import Objects
from isoline.translation import translate
from translator.settings import Settings

OUTSIDE = """\
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {name: web, namespace: shop}
spec:
  defaultBackend: {service: {name: outside, port: {number: 80}}}
---
apiVersion: v1
kind: Service
metadata: {name: outside, namespace: shop}
spec:
  type: ExternalName
  externalName: api.example.org
  ports: [{port: 80}]
"""
ON = Settings(enable_external_name=True)


@pytest.fixture
def written(tmp_path: Path) -> Objects:
    """A folder with one external Service."""
    (tmp_path / "web.yaml").write_text(OUTSIDE)
    return read([str(tmp_path)])


@pytest.mark.parametrize(
    ("answers", "wrong"),
    [
        (["127.0.0.1"], "127.0.0.1, which is loopback, link-local, multicast or unspecified"),
        (["192.0.2.1", "::1"], "::1, which is loopback, link-local, multicast or unspecified"),
        (["fe80::1%eth0"], "fe80::1%eth0, which is loopback, link-local, multicast or unspecified"),
        (["::ffff:127.0.0.1"], "::ffff:127.0.0.1, which is loopback, link-local, multicast or unspecified"),
        (["100.100.100.200"], "100.100.100.200, which is an address of a cloud's metadata service"),
        (["192.0.2.1"], ""),
        ([], ""),
    ],
)
def test_a_name_that_resolves_to_this_machine_is_refused(
    written: Objects, answers: list[str], wrong: str
) -> None:
    """At its line; a name without an answer is not told, for another machine may have one."""
    found = translate(written, ON, lambda rows, made: refused(rows, made, lambda _: answers)).problems

    assert [problem.text().rpartition(" (")[0] for problem in found] == (
        [f"Service shop/outside: ExternalNameRefused: externalName 'api.example.org' resolves to {wrong}"]
        if wrong
        else []
    )
    assert [problem.line for problem in found] == ([12] if wrong else [])


def test_nobody_waits_for_a_resolver_that_does_not_answer(written: Objects) -> None:
    """Nor does the command at its end."""
    for_ever = threading.Event()

    def silent(_name: str) -> list[str]:
        for_ever.wait()
        return []

    found = translate(written, ON, lambda rows, made: refused(rows, made, silent, 0.01)).problems
    for_ever.set()

    assert found == ()


def test_many_names_are_asked_for_by_few_threads(tmp_path: Path) -> None:
    """And every one is."""
    text = [OUTSIDE.replace("outside", f"o{at}").replace("api.", f"a{at}.") for at in range(100)]
    (tmp_path / "web.yaml").write_text("\n---\n".join(text))
    asked: dict[str, str] = {}

    def local(name: str) -> list[str]:
        asked[name] = threading.current_thread().name
        return ["127.0.0.1"]

    manifests = read([str(tmp_path)])
    resources = translate(manifests, Settings(enable_external_name=True, clusters="all")).resources

    assert len(list(refused(manifests.rows, resources, local))) == 100
    assert len(asked) == 100
    assert len(set(asked.values())) <= ASKERS


@pytest.mark.parametrize(
    ("flags", "asked"), [([], "[]"), (["--enable-external-name"], "['api.example.org']")]
)
@pytest.mark.usefixtures("written")
def test_check_asks_for_external_names_alone_and_only_where_they_are_on(
    tmp_path: Path, flags: list[str], asked: str
) -> None:
    """The whole command, with a resolver that writes down what it is asked."""
    code = (
        "import socket, sys, isoline.__main__ as main\n"
        "asked = []\n"
        "socket.getaddrinfo = lambda name, *_, **__: asked.append(name) or [(0, 0, 0, '', ('127.0.0.1', "
        "0))]\n"
        f"sys.argv = ['isoline', 'check', {str(tmp_path)!r}, *{flags!r}]\n"
        "code = main.main()\n"
        "print(asked); sys.exit(code)"
    )

    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)

    assert ran.returncode == 1
    assert ran.stdout.splitlines()[-1] == asked
    assert ("resolves to 127.0.0.1" in ran.stdout) == bool(flags)
