from tests.command.conftest import isoline

__all__ = ["isoline"]
