"""The stories of tests/e2e once more: through an API server, to a real Envoy."""

from types import ModuleType

import pytest

from tests.e2e import test_backends, test_hosts, test_paths, test_tls

pytestmark = [pytest.mark.cluster, pytest.mark.envoy, pytest.mark.process]

# What a cluster does not have: an age that the object itself says; what starts a folder of its own.
OTHERS = {
    "test_of_two_ingresses_with_one_path_the_older_wins_and_the_younger_is_told",
    "test_a_host_that_comes_or_goes_closes_no_connection",
    "test_the_default_certificate_serves_what_is_for_no_known_host",
    "test_a_private_key_is_seen_by_nobody",
}


def _collect(module: ModuleType) -> None:
    for name, story in vars(module).items():
        if name.startswith("test_") and name not in OTHERS:
            assert name not in globals(), f"two stories are called {name}"
            globals()[name] = story


for _module in (test_hosts, test_paths, test_backends, test_tls):
    _collect(_module)
