"""`isoline check`: its lines, forms and exit codes are an interface."""

import json
import os
import pty
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from tests.support.program import Program
from tests.support.up import ISOLINE

Isoline = Callable[..., Program]

WEB = """\
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {name: web, namespace: shop}
spec:
  rules:
  - host: %s
    http:
      paths:
      - path: /cart
        pathType: Prefix
        backend:
          service:
            name: cart
            port: {number: 80}
---
apiVersion: v1
kind: Service
metadata: {name: web, namespace: shop}
spec: {ports: [{name: http, port: 80}]}
"""
NOT_FOUND = 'Ingress shop/web: ServiceNotFound: path /cart names Service "cart", which does not exist'
CART = WEB.split("---\n")[1].replace("name: web", "name: cart")


@pytest.fixture
def web(tmp_path: Path) -> Path:
    """A file with one mistake, in line 13."""
    path = tmp_path / "web.yaml"
    path.write_text(WEB % "shop.example.com")
    return path


def test_a_problem_is_one_line_with_its_place(isoline: Isoline, web: Path) -> None:
    """Kind, namespace/name, reason, message, and the line of the field; exit code 1."""
    program = isoline("check", web)

    assert program.exit_code() == 1
    assert program.stdout == [f"{NOT_FOUND} ({web}:13)"]
    assert program.stderr == ["2 objects in 1 file: 1 error, 0 warnings"]


@pytest.mark.usefixtures("web")
@pytest.mark.parametrize("path", ["web.yaml", "./web.yaml", "../{name}/web.yaml"])
def test_the_path_is_shown_as_it_was_given(isoline: Isoline, tmp_path: Path, path: str) -> None:
    """So that an editor finds it from where the command was run."""
    given = path.format(name=tmp_path.name)

    assert isoline("check", given).stdout == [f"{NOT_FOUND} ({given}:13)"]


@pytest.mark.usefixtures("web")
@pytest.mark.parametrize(("folder", "shown"), [(".", "./web.yaml"), ("./", "./web.yaml")])
def test_a_file_of_a_folder_is_shown_below_it(isoline: Isoline, folder: str, shown: str) -> None:
    """The folder as it was given."""
    assert isoline("check", folder).stdout == [f"{NOT_FOUND} ({shown}:13)"]


def test_stdin_is_a_dash(web: Path) -> None:
    """In the place too."""
    ran = subprocess.run([ISOLINE, "check", "-"], input=web.read_bytes(), capture_output=True, check=False)

    assert (ran.returncode, ran.stdout.decode()) == (1, f"{NOT_FOUND} (-:13)\n")


def test_nothing_wrong_is_exit_code_0_and_an_empty_stdout(isoline: Isoline, web: Path) -> None:
    """The Service is in another file."""
    (web.parent / "cart.yaml").write_text(CART)

    program = isoline("check", web.parent)

    assert (program.exit_code(), program.stdout) == (0, [])


def test_warnings_alone_are_exit_code_0(isoline: Isoline, web: Path) -> None:
    """`warning:` stands before the reason."""
    web.write_text(WEB % "Shop.example.com" + "---\n" + CART)

    program = isoline("check", web)

    assert program.exit_code() == 0
    assert len(program.stdout) == 1
    assert program.stdout[0].startswith("Ingress shop/web: warning: HostNotLowercase: ")
    assert program.stdout[0].endswith(f"({web}:6)")


def test_json_has_a_field_for_each_part(isoline: Isoline, web: Path) -> None:
    """Exit code 1 as well."""
    program = isoline("check", web, "-o", "json")

    assert program.exit_code() == 1
    message = 'path /cart names Service "cart", which does not exist'
    assert json.loads("\n".join(program.stdout)) == [
        {
            "kind": "Ingress",
            "namespace": "shop",
            "name": "web",
            "severity": "error",
            "reason": "ServiceNotFound",
            "message": message,
            "file": str(web),
            "line": 13,
        }
    ]


def test_yaml_says_the_same_as_json(isoline: Isoline, web: Path) -> None:
    """An empty list when nothing is wrong."""
    as_yaml, as_json = (isoline("check", web, "-o", form).stdout for form in ("yaml", "json"))

    assert yaml.safe_load("\n".join(as_yaml)) == json.loads("\n".join(as_json))
    assert isoline("check", "-o", "json", "/dev/null").stdout == ["[]"]


def test_a_file_that_does_not_parse_is_a_problem(isoline: Isoline, web: Path) -> None:
    """Of a File without namespace; its neighbours are checked all the same."""
    bad = web.with_name("bad.yaml")
    bad.write_text("kind: Ingress\nmetadata: {name: web\n")

    program = isoline("check", web.parent)

    assert program.exit_code() == 1
    assert program.stdout[0].startswith(f"File {bad}: Unreadable: line ")
    assert program.stdout[1] == f"{NOT_FOUND} ({web}:13)"


def test_kinds_that_nobody_reads_are_one_line_on_stderr(isoline: Isoline, web: Path) -> None:
    """With how many there are of each."""
    others = "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: a}\n---\n" * 2
    web.write_text(others + "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n---\n" + CART)

    program = isoline("check", web)

    assert program.exit_code() == 0
    assert program.stderr[0] == "kinds that isoline does not read: ConfigMap (1), Deployment.apps (2)"


def test_the_same_object_in_two_files_names_both(isoline: Isoline, web: Path) -> None:
    """The first by path counts."""
    for name in ("a.yaml", "b.yaml"):
        (web.parent / name).write_text(CART)

    program = isoline("check", web.parent)

    first, second = web.parent / "a.yaml", web.parent / "b.yaml"
    message = f"Service shop/cart is in {first}:1 and in {second}:1; the first counts"
    assert program.stdout == [f"File {second}: DuplicateObject: {message} ({second}:1)"]


def test_a_file_given_twice_is_read_once(isoline: Isoline, web: Path) -> None:
    """By its folder and by its name."""
    (web.parent / "cart.yaml").write_text(CART)

    assert isoline("check", web, web.parent, web).exit_code() == 0


def test_files_that_are_no_manifests_are_passed_over_in_a_folder(isoline: Isoline, web: Path) -> None:
    """By their ending, hidden ones, hidden folders; a loop of links is walked once."""
    web.with_name("README.md").write_text("a: [")
    web.with_name(".draft.yaml").write_text("a: [")
    (web.parent / ".git").mkdir()
    (web.parent / ".git" / "x.yaml").write_text("a: [")
    (web.parent / "loop").symlink_to(web.parent)

    assert isoline("check", web.parent).stdout == [f"{NOT_FOUND} ({web}:13)"]


def test_a_pipe_in_a_folder_is_told_and_not_waited_for(isoline: Isoline, web: Path) -> None:
    """One that is named itself is read: what a shell writes for `<(…)` is one."""
    pipe = web.with_name("pipe.yaml")
    os.mkfifo(pipe)

    assert isoline("check", web.parent).stdout == [
        f"File {pipe}: Unreadable: a named pipe, socket or device, not a file ({pipe})",
        f"{NOT_FOUND} ({web}:13)",
    ]
    script = '"$0" check <(cat "$1")'
    told = subprocess.run(["bash", "-c", script, ISOLINE, web], capture_output=True, text=True, check=False)
    assert told.stdout.startswith(f"{NOT_FOUND} (/dev/fd/")


def on_a_terminal(*words: str | Path, **env: str) -> str:
    """What a command shows on a terminal as its stdout."""
    ours, theirs = pty.openpty()
    environ = {**os.environ, "TERM": "xterm", **env}
    subprocess.run([ISOLINE, *words], stdout=theirs, stderr=subprocess.DEVNULL, env=environ, check=False)
    os.close(theirs)
    try:
        return os.read(ours, 4096).decode()
    finally:
        os.close(ours)


def test_colours_are_for_terminals(isoline: Isoline, web: Path) -> None:
    """A pipe gets none, whatever the environment says; nor does a terminal with NO_COLOR."""
    forced = {"FORCE_COLOR": "1", "CLICOLOR_FORCE": "1"}

    assert "\x1b[31mServiceNotFound\x1b[0m" in on_a_terminal("check", web)
    assert "\x1b" not in on_a_terminal("check", web, NO_COLOR="1")
    assert "\x1b" not in isoline("check", web, env=forced).stdout[0]


# Near misses


def told(isoline: Isoline, web: Path, service: str) -> str:
    """The only line about WEB beside these Services, without its place."""
    web.write_text(WEB % "shop.example.com" + f"---\n{service}")
    lines = isoline("check", web).stdout
    assert len(lines) == 1, lines
    return lines[0].rpartition(" (")[0]


@pytest.mark.parametrize(
    ("service", "hint"),
    [
        (CART.replace("name: cart", "name: carts"), '; did you mean "carts"?'),
        (CART.replace("name: cart", "name: crat"), '; did you mean "crat"?'),
        (CART.replace("name: cart", "name: basket"), ""),
        (
            CART.replace("namespace: shop", "namespace: prod"),
            "; there is one in namespace prod, and an Ingress leads to its own namespace alone",
        ),
    ],
)
def test_a_service_that_is_spelled_almost_so_is_named(
    isoline: Isoline, web: Path, service: str, hint: str
) -> None:
    """In the Ingress's namespace; else one of that very name elsewhere."""
    assert told(isoline, web, service) == f"{NOT_FOUND}{hint}"


@pytest.mark.parametrize(
    ("ports", "hint"),
    [
        ("[{name: web, port: 8080}]", "; it has 8080 (web)"),
        ("[{port: 81}, {name: b, port: 443}]", "; it has 81, 443 (b)"),
        (
            "[" + ", ".join(f"{{name: p{at}, port: {at}}}" for at in range(1, 9)) + "]",
            "; it has 1 (p1), 2 (p2), 3 (p3), 4 (p4), 5 (p5) and 3 more",
        ),
        ("[]", ""),
    ],
)
def test_a_port_that_does_not_exist_is_told_with_those_that_do(
    isoline: Isoline, web: Path, ports: str, hint: str
) -> None:
    """By number and name."""
    line = told(isoline, web, CART.replace("[{name: http, port: 80}]", ports))

    message = 'path /cart names Service "cart", which has no port 80'
    assert line == f"Ingress shop/web: PortNotFound: {message}{hint}"


def test_two_ingresses_that_fight_over_a_path_are_both_named(isoline: Isoline, web: Path) -> None:
    """The one that lost is told which one won."""
    other = (WEB % "shop.example.com").split("---\n")[0].replace("name: web,", "name: late,")

    line = told(isoline, web, f"{CART}---\n{other}")

    lost = "path /cart of host shop.example.com is already served for Ingress shop/late"
    assert line == f"Ingress shop/web: DuplicatePath: {lost}"
