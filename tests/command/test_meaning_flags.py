"""The flags of meaning: `--ingress-class` and `--enable-external-name`, from the command line to the
translator.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from isoline.up.roles import children
from isoline.up.run_dir import opened
from isoline.up.settings import Settings
from tests.support.program import Program

Isoline = Callable[..., Program]

WEB = """\
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {name: web, namespace: shop}
spec:
  ingressClassName: edge
  defaultBackend: {service: {name: gone, port: {number: 80}}}
---
apiVersion: networking.k8s.io/v1
kind: IngressClass
metadata: {name: edge}
spec: {controller: 7}
"""
CLASS = "IngressClass edge: InvalidField: spec.controller: expected a string, found a number (web.yaml:11)"
GONE = (
    'Ingress shop/web: ServiceNotFound: the default backend names Service "gone", which does not exist '
    "(web.yaml:6)"
)


@pytest.mark.parametrize(
    ("flags", "lines"),
    [
        ([], [CLASS]),
        (["--ingress-class", "edge"], [GONE, CLASS]),
        (["--ingress-class", "blue, edge"], [GONE, CLASS]),
        (["--ingress-class", "blue"], [CLASS]),
    ],
)
def test_check_looks_at_the_ingresses_of_the_classes_that_are_named(
    isoline: Isoline, tmp_path: Path, flags: list[str], lines: list[str]
) -> None:
    """Others are somebody else's; an IngressClass has no namespace."""
    (tmp_path / "web.yaml").write_text(WEB)

    assert isoline("check", "web.yaml", *flags).stdout == lines


def test_the_classes_may_be_a_variable_and_are_never_empty(isoline: Isoline, tmp_path: Path) -> None:
    """An empty name would be a class that nobody can name."""
    (tmp_path / "web.yaml").write_text(WEB)

    assert isoline("check", "web.yaml", env={"ISOLINE_INGRESS_CLASS": "edge"}).stdout == [GONE, CLASS]

    wrong = isoline("check", "web.yaml", "--ingress-class", "a,,b")

    assert wrong.exit_code() == 2
    assert wrong.stderr[0].startswith(
        "isoline: Invalid value for '--ingress-class': 'a,,b' holds an empty name"
    )


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({}, []),
        ({"ingress_class": ("a", "b")}, ["--ingress-class", "a,b"]),
        ({"enable_external_name": True}, ["--enable-external-name"]),
    ],
)
def test_up_passes_them_to_its_translator(tmp_path: Path, given: dict[str, Any], words: list[str]) -> None:
    """And to nobody else."""
    plain: dict[str, Any] = {
        "source": tmp_path,
        "envoy": None,
        "http_port": 1,
        "https_port": 2,
        "stats_port": 3,
    }
    plain |= {"listen": "127.0.0.1", "loopback_endpoints": "allow", "clusters": "referenced"}
    plain |= {"ingress_class": (), "enable_external_name": False, "log_level": "info"}
    plain |= {"redirect_port": 8443, "default_certificate": None}
    settings = Settings(**(plain | {"xds_listen": None, "xds_tls": None} | given))
    with opened(tmp_path / "run") as run_dir:
        told = {child.name: [str(word) for word in child.command] for child in children(settings, run_dir)}

    known = {"--ingress-class", "a,b", "--enable-external-name"}
    assert [word for word in told["translator"] if word in known] == words
    assert not known & {word for name in ("watcher", "xds-server") for word in told[name]}
