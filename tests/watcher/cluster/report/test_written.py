from typing import Any

import pytest

from watcher.cluster.report.written import Written, field_manager

US = "isoline/isoline-system/watcher"


def ingress(status: dict[str, Any] | None = None, **managed: str) -> dict[str, Any]:
    metadata: dict[str, Any] = {"name": "web", "resourceVersion": "7"}
    if managed:
        metadata["managedFields"] = [{"manager": "kubectl", "operation": "Update"}, managed]
    return {"metadata": metadata} | ({} if status is None else {"status": status})


@pytest.mark.parametrize("status", [None, {}, {"loadBalancer": {}}, {"loadBalancer": {"ingress": None}}])
def test_a_status_without_addresses_is_empty(status: dict[str, Any] | None) -> None:
    assert Written.of(ingress(status), US) == Written("7", b"[]", ours=False)


def test_the_addresses_are_kept_as_they_stand() -> None:
    entries = [{"ip": "192.0.2.1", "ports": [{"port": 80}]}]

    written = Written.of(ingress({"loadBalancer": {"ingress": entries}}), US)

    assert written.addresses == b'[["192.0.2.1",""]]'


@pytest.mark.parametrize(
    ("manager", "subresource", "ours"),
    [(US, "status", True), ("isoline/other/watcher", "status", False), (US, "", False)],
)
def test_a_status_is_ours_when_our_manager_wrote_it(manager: str, subresource: str, *, ours: bool) -> None:
    written = Written.of(ingress(manager=manager, subresource=subresource), US)

    assert written.ours == ours


def test_who_else_has_written_the_status_is_known() -> None:
    """By name, whatever else they have written; and of which Ingress."""
    body = ingress(manager="other", subresource="status")
    body["metadata"]["managedFields"] += [{"manager": US, "subresource": "status"}, {"subresource": "status"}]
    body["metadata"]["uid"] = "u"

    assert Written.of(body, US) == Written("7", b"[]", ours=True, others=("other",), uid="u")


def test_the_manager_is_named_by_the_lease() -> None:
    assert field_manager("isoline-system", "watcher") == "isoline/isoline-system/watcher"


def test_a_manager_s_name_is_as_long_as_may_be_and_still_one_s_own() -> None:
    managers = {field_manager("n", "x" * 250), field_manager("n", "x" * 251)}

    assert {len(manager) for manager in managers} == {128}
    assert len(managers) == 2
