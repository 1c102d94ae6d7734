"""Choices of a form that are made when the form is, not when the program starts: CLDR's lists take a moment."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any


class Later(Sequence[tuple[str, str]]):
    """A list of (value, label) that asks for itself each time."""

    def __init__(self, make: Callable[[], list[tuple[str, str]]]) -> None:
        self._make = make

    def __len__(self) -> int:
        return len(self._make())

    def __getitem__(self, index: Any) -> Any:
        return self._make()[index]

    def __iter__(self) -> Iterator[tuple[str, str]]:
        return iter(self._make())
