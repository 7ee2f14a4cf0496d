"""Every story of tests/stories once more, over real ZeroMQ and gRPC, through processes of their own."""

import importlib
import pkgutil

import pytest

import tests.stories

pytestmark = pytest.mark.process

for _module in pkgutil.iter_modules(tests.stories.__path__, "tests.stories."):
    if _module.name.rpartition(".")[2].startswith("test_"):
        for _name, _story in vars(importlib.import_module(_module.name)).items():
            if _name.startswith("test_"):
                assert _name not in globals(), f"two stories are called {_name}"
                globals()[_name] = _story
