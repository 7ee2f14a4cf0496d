"""Derived values: what is computed again, what is not, and what is forgotten."""

from typing import Any

import pytest

from translator.derive import Derivation, Function, View
from translator.settings import Settings


class Numbers:
    """A source of numbers by name."""

    def __init__(self, **numbers: int) -> None:
        self.numbers = numbers

    def object(self, reference: str) -> dict[str, Any] | None:
        return {"n": self.numbers[reference]} if reference in self.numbers else None

    def index(self, _name: str, key: str) -> tuple[str, ...]:
        return tuple(sorted(name for name in self.numbers if name.startswith(key)))

    def fact(self, _name: str, _reference: str) -> None:
        """None is known."""


def half(view: View, name: str) -> int:
    return int((view.object(name) or {"n": 0})["n"]) // 2


def total(view: View, key: str) -> int:
    return sum(view(half, name) for name in view.index("names", key))


def sign(view: View, key: str) -> bool:
    return view(total, key) > 0


def chosen(view: View, _key: str) -> int:
    """Reads `b` only while `a` is not zero."""
    return view(half, "b") if view(half, "a") else -1


def circle(view: View, key: str) -> int:
    return view(circle, key)


def settled(values: Derivation, *functions: Function) -> list[Any]:
    steps = values.settle(frozenset(functions))
    found = [value for _, _, value, new in steps if new]
    values.collect()
    return found


def test_an_equal_value_stops_the_wave() -> None:
    """What stands further downstream is looked at, and not computed."""
    source = Numbers(a1=2, a2=4)
    values = Derivation(source, Settings())
    values.pin(sign, "a")

    assert settled(values, sign) == [True]
    assert values.computed == {"sign": 1, "total": 1, "half": 2}

    source.numbers["a1"] = 3
    values.touch([("object", "a1")])

    assert settled(values, sign) == []
    assert values.computed == {"sign": 1, "total": 1, "half": 3}

    source.numbers["a1"] = 10
    values.touch([("object", "a1")])

    assert settled(values, sign) == []
    assert values.computed == {"sign": 2, "total": 2, "half": 4}


def test_an_index_entry_is_read_like_an_object() -> None:
    """A new member of an index is found; one of another index entry is nothing to this value."""
    source = Numbers(a1=2)
    values = Derivation(source, Settings())
    values.pin(total, "a")
    settled(values, total)

    source.numbers |= {"a2": 6, "b1": 8}
    values.touch([("names", "a"), ("names", "b"), ("object", "a2"), ("object", "b1")])

    assert settled(values, total) == [4]
    assert values.computed == {"total": 2, "half": 2}


def test_a_value_that_is_not_read_any_more_is_forgotten() -> None:
    """And comes back when it is read again."""
    source = Numbers(a=2, b=8)
    values = Derivation(source, Settings())
    values.pin(chosen, "")

    assert settled(values, chosen) == [4]
    assert values.sizes() == {"chosen": 1, "half": 2}

    source.numbers["a"] = 0
    values.touch([("object", "a")])

    assert settled(values, chosen) == [-1]
    assert values.sizes() == {"chosen": 1, "half": 1}

    values.unpin(chosen, "")
    values.collect()

    assert values.sizes() == {}
    assert values._inputs == {}


def test_a_value_that_is_pinned_again_is_given_out_again() -> None:
    """Even if it has lived on meanwhile, because another one read it."""
    values = Derivation(Numbers(a1=2), Settings())
    values.pin(total, "a")
    values.pin(sign, "a")
    settled(values, total, sign)

    values.unpin(total, "a")
    values.collect()
    values.pin(total, "a")

    assert settled(values, total) == [1]
    assert values.computed["total"] == 1


def test_a_value_read_before_its_turn_is_still_given_out() -> None:
    """Another one's refresh has computed it already."""
    source = Numbers(a1=2)
    values = Derivation(source, Settings())
    values.pin(total, "a")
    values.pin(sign, "a")
    settled(values, total, sign)

    source.numbers["a1"] = 20
    values.touch([("object", "a1")])

    assert settled(values, sign) == []
    assert settled(values, total) == [10]


def test_a_value_that_reads_itself_is_our_mistake() -> None:
    """The process ends with it."""
    with pytest.raises(RecursionError, match=r"circle\(x\) reads itself"):
        Derivation(Numbers(), Settings())(circle, "x")


def test_many_readers_come_and_go() -> None:
    """One object that everybody reads."""
    source = Numbers(shared=2)
    values = Derivation(source, Settings())
    functions = [eval(f"lambda view, key, n={n}: view(half, 'shared') + n") for n in range(50)]  # noqa: S307
    for function in functions:
        values.pin(function, "")
    settled(values, *functions)

    source.numbers["shared"] = 4
    values.touch([("object", "shared")])

    assert sorted(settled(values, *functions)) == [2 + n for n in range(50)]

    for function in functions:
        values.unpin(function, "")
    values.collect()

    assert values.sizes() == {}


def late(view: View, key: str) -> bool:
    return view.past(float(key))


def test_a_moment_that_comes_is_a_change_of_what_asked_for_it() -> None:
    """Of nothing else; one that is over is not waited for."""
    values = Derivation(Numbers(), Settings())
    for moment in ("5", "10", "-1"):
        values.pin(late, moment)

    assert (settled(values, late), values.deadline) == ([False, False, True], 5.0)
    values.advance(5.0)
    assert (settled(values, late), values.deadline) == ([True], 10.0)
    assert values.computed == {"late": 4}
    values.advance(12.0)
    assert (settled(values, late), values.deadline) == ([True], None)
