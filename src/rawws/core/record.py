"""Values that never change: what a frozen dataclass with slots is, at a fraction of its price.

`dataclasses` writes the methods of each class as source text and compiles them whenever the
module is imported, about 0.4 ms a class: for what rawws reports, a good part of its import.
Here they are written once, and a class says which fields it has:

    class Point(Record):
        __slots__ = __match_args__ = ("x", "y")

        x: int
        y: int

        def __init__(self, x: int, y: int = 0) -> None:
            object.__setattr__(self, "x", x)
            object.__setattr__(self, "y", y)

`object.__setattr__` is the way past `Record.__setattr__`, and only for `__init__`, which has
to take the fields by position, in the order of `__match_args__`. Type checkers take a record
for the frozen dataclass that it resembles. What has to check each of its fields, or to leave
some out when it is compared, stays a dataclass.
"""

from __future__ import annotations

from dataclasses import FrozenInstanceError
from typing import Any, ClassVar, NoReturn, dataclass_transform


@dataclass_transform(frozen_default=True)
class Record:
    """Equal to another of the same class with equal fields; hashable if its fields are."""

    __slots__ = ()
    __match_args__: ClassVar[tuple[str, ...]] = ()

    def _values(self) -> tuple[Any, ...]:
        return tuple([getattr(self, name) for name in self.__match_args__])

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Record) or other.__class__ is not self.__class__:
            return NotImplemented
        return self._values() == other._values()

    def __hash__(self) -> int:
        return hash(self._values())

    def __repr__(self) -> str:
        named = zip(self.__match_args__, self._values(), strict=True)
        fields = ", ".join([f"{name}={value!r}" for name, value in named])
        return f"{self.__class__.__qualname__}({fields})"

    def __reduce__(self) -> tuple[type[Record], tuple[Any, ...]]:
        # Otherwise copy and pickle would assign to the fields.
        return self.__class__, self._values()

    def __setattr__(self, name: str, value: object) -> NoReturn:
        raise FrozenInstanceError(f"cannot assign to field {name!r}")

    def __delattr__(self, name: str) -> NoReturn:
        raise FrozenInstanceError(f"cannot delete field {name!r}")
