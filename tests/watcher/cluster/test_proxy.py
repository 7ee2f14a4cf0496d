"""Which proxy the environment names."""

import pytest

from watcher.cluster.proxy import of_environment

PROXY = "http://proxy.example.com:3128"


@pytest.mark.parametrize("name", ["HTTPS_PROXY", "https_proxy"])
def test_a_server_is_asked_by_the_proxy_of_the_environment(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, PROXY)

    assert of_environment("https://api.example.com:6443") == PROXY
    assert of_environment("http://api.example.com") is None


@pytest.mark.parametrize("named", ["api.example.com", "example.com", ".example.com"])
def test_what_no_proxy_names_is_asked_directly(named: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also by its domain; in a pod that is how the API server is left out."""
    monkeypatch.setenv("HTTPS_PROXY", PROXY)
    monkeypatch.setenv("NO_PROXY", f"10.0.0.1,{named}")

    assert of_environment("https://api.example.com:6443") is None


@pytest.mark.parametrize("server", ["https://127.0.0.1:6443", "https://localhost:6443", "https://[::1]:6443"])
def test_this_machine_is_asked_directly(server: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """As kubectl does: kind and minikube are there."""
    monkeypatch.setenv("HTTPS_PROXY", PROXY)

    assert of_environment(server) is None
