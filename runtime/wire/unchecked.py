"""Messages built without pydantic: 30 times faster, and checked in tests instead of on every change."""

import dataclasses
from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar

P = ParamSpec("P")
M = TypeVar("M")


def unchecked(cls: Callable[P, M]) -> Callable[P, M]:
    """A constructor typed as the message class's own, that makes the same object without looking at values.

    `Cluster = unchecked(v3.Cluster)`. Fields that are not given have their defaults. The constructor raises
    TypeError for a field that the class does not have; every other mistake is for the type checker, and for
    `checked`. `unchecked` itself raises TypeError when `cls` is no message class.
    """
    if not isinstance(cls, type) or not dataclasses.is_dataclass(cls):
        raise TypeError(f"{cls!r} is no message class of envoy-data-plane")
    defaults: dict[str, object] = {
        field.name: field.default_factory()
        for field in dataclasses.fields(cls)
        if field.default_factory is not dataclasses.MISSING
    }
    names = tuple(defaults)
    defaults["_unknown_fields"] = b""
    fresh = [(name, type(default)) for name, default in defaults.items() if isinstance(default, list | dict)]
    size = len(defaults)
    new: Callable[[Any], Any] = object.__new__

    def build(*args: P.args, **kwargs: P.kwargs) -> M:
        values = defaults.copy()
        for name, make in fresh:
            values[name] = make()
        if args:
            values.update(zip(names, args, strict=False))
        values.update(kwargs)
        if len(values) != size:
            raise TypeError(f"{cls.__name__} has no field {', '.join(values.keys() - defaults.keys())}")
        message: M = new(cls)
        message.__dict__ = values
        return message

    build.__name__ = build.__qualname__ = cls.__name__
    return build
