"""The set of compose.yaml as plain processes: its command lines, two Envoys, mTLS and CURVE for real."""

import json
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import yaml
import zmq

from runtime.link.keys import LinkKeys
from tests.deploy import asking, compose
from tests.deploy.plain import Plain
from tests.support.background import Background

pytestmark = [pytest.mark.process, pytest.mark.envoy]

ENVOYS = ("envoy-1", "envoy-2")
SERVERS = ("xds-server-1", "xds-server-2")


@pytest.fixture(scope="module")
def plain(background: Background) -> Iterator[Plain]:
    folder = Path(
        tempfile.mkdtemp(prefix="compose-")
    )  # short: a unix socket's path has at most 107 characters
    try:
        with Plain(compose.plan(folder), background) as running:
            running.start("certgen")
            assert running.programs["certgen"].exit_code() == 0
            del running.programs["certgen"]
            running.start(*(item.name for item in running.plan.containers if item.name != "certgen"))
            running.becomes_ready()
            for name in ENVOYS:
                running.until(asking.admin(running, name).is_live, f"{name} is live")
            yield running
    finally:
        shutil.rmtree(folder)


def edit(plain: Plain, backend: str) -> None:
    """Sends every request to the shop to another backend, in the folder that compose mounts."""
    manifest = plain.plan.find("watcher").mounts["/manifests"] / "shop.yaml"
    (document,) = yaml.safe_load_all(manifest.read_text())
    for path in document["spec"]["rules"][0]["http"]["paths"]:
        path["backend"]["service"]["name"] = backend
    draft = manifest.with_name(".draft")
    draft.write_text(yaml.safe_dump(document))
    draft.replace(manifest)


def test_every_request_is_answered_by_the_backend_that_the_manifests_name(plain: Plain) -> None:
    """On every connection, whichever Envoy takes it; a host that nobody names is a 404."""
    assert asking.answers(plain, "shop.example.com") == {"shop"}
    assert asking.answers(plain, "shop.example.com", "/cart/items") == {"cart"}
    assert asking.answers(plain, "en.docs.example.com") == {"docs"}
    assert asking.answers(plain, "nobody.example.com") == {"404"}


@pytest.mark.parametrize("name", ENVOYS)
def test_each_envoy_takes_part_under_its_own_name(plain: Plain, name: str) -> None:
    """The start file is one for both; the command line names them. Nothing sent to either was refused."""
    admin = asking.admin(plain, name)

    assert json.loads(admin.get("/server_info"))["node"]["id"] == name
    assert admin.clusters() == {"default/shop/80", "default/cart/80", "default/docs/http"}
    assert admin.rejected() == {}
    counters = admin.get("/stats?filter=^listener.*downstream_cx_total$&usedonly")
    assert f"_{plain.port(8080)}.downstream_cx_total: " in counters


def test_nothing_is_written_but_to_volumes_that_may_be_written(plain: Plain) -> None:
    """So that a read-only file system is no hindrance."""
    assert asking.written_outside(plain) == set()


def test_an_xds_server_lets_in_who_shows_an_envoys_certificate(plain: Plain) -> None:
    """By TLS 1.3, under the name that Envoys ask for."""
    server = plain.plan.find("xds-server-1")
    ca, client = (
        server.mounts["/etc/isoline/tls"] / "ca.crt",
        plain.plan.find("envoy-1").mounts["/etc/isoline/tls"],
    )

    assert asking.shows_certificate(plain.at("xds-server-1", 18000), ca, client) == "TLSv1.3"


def test_an_xds_server_turns_away_who_shows_none(plain: Plain) -> None:
    """Private keys are behind that door."""
    ca = plain.plan.find("xds-server-1").mounts["/etc/isoline/tls"] / "ca.crt"

    assert asking.shows_certificate(plain.at("xds-server-1", 18000), ca, None) == "turned away"


def test_the_link_answers_the_keys_that_it_knows_and_nobody_else(
    plain: Plain, background: Background
) -> None:
    """Neither a replica without keys nor one with keys that the translator was not given."""
    address = f"tcp://{plain.at('translator', 9002)}"
    known = LinkKeys.load(plain.plan.find("xds-server-1").mounts["/etc/isoline/link"], "xds_server")
    public, secret = zmq.curve_keypair()
    unknown = replace(known, public=public, secret=secret)

    assert asking.reads(background, address, "resources", known)
    assert not asking.reads(background, address, "resources", None)
    assert not asking.reads(background, address, "resources", unknown)


@pytest.mark.parametrize(("killed", "backend"), [(SERVERS[0], "docs"), (SERVERS[1], "cart")])
def test_one_xds_server_is_enough(plain: Plain, killed: str, backend: str) -> None:
    """After a kill no request fails, and the next edit reaches both Envoys; the server comes back."""
    plain.programs[killed].kill()

    assert asking.answers(plain, "en.docs.example.com") == {"docs"}

    edit(plain, backend)

    asking.becomes(plain, backend, "shop.example.com")
    assert all(asking.admin(plain, name).rejected() == {} for name in ENVOYS)
    plain.start(killed)
    plain.becomes_ready(killed)
