"""Quantity: exact thousandths of a product's unit (1.250 kg = 1250); parse and format."""

from __future__ import annotations

from dataclasses import dataclass
from functools import total_ordering
from typing import Any

from tracker import numerals
from tracker.errors import Refused

PLACES = 3
LARGEST = 10**12  # a thousand million units; beyond it somebody scanned a barcode into the quantity


@dataclass
class _Shop:
    style: numerals.Style = numerals.Style()


_shop = _Shop()


def use(locale: str) -> None:
    """Tell quantities how this shop writes numbers."""
    _shop.style = numerals.style_of(locale)


@total_ordering
@dataclass(frozen=True, slots=True)
class Quantity:
    """An amount of goods in thousandths of the product's unit."""

    thousandths: int

    def __post_init__(self) -> None:
        if type(self.thousandths) is not int:
            raise TypeError(f"Quantity counts whole thousandths, not {self.thousandths!r}")

    @classmethod
    def of(cls, units: int) -> Quantity:
        """Whole units."""
        return cls(units * 10**PLACES)

    @classmethod
    def parse(cls, text: str, decimals: int = PLACES) -> Quantity:
        """Read what a person typed; `decimals` is how many the product's unit allows (0 = pieces). Raises Refused."""
        return cls(_checked(numerals.parse(text, decimals, _shop.style, "quantity"), decimals))

    @classmethod
    def parse_plain(cls, text: str, decimals: int = PLACES) -> Quantity:
        """Read a file's cell: `12.5` first, else as the shop writes it. Raises Refused."""
        return cls(_checked(numerals.parse_plain(text, decimals, _shop.style, "quantity"), decimals))

    def __str__(self) -> str:
        """As the shop writes it, zeros at the end dropped: `1,250` or `1.25`."""
        return numerals.write(self.thousandths, PLACES, _shop.style, trim=True)

    def with_unit(self, unit: str) -> str:
        """`1.25 kg`; pieces are just counted: `17`."""
        return str(self) if unit in ("", "piece") else f"{self} {unit}"

    def plain(self) -> str:
        """For files and JSON: `1250` or `1.25`."""
        return numerals.write_plain(self.thousandths, PLACES, trim=True)

    def __add__(self, other: Quantity) -> Quantity:
        return Quantity(self.thousandths + other.thousandths)

    def __radd__(self, other: Any) -> Quantity:  # so that sum() works
        return self if other == 0 else NotImplemented

    def __sub__(self, other: Quantity) -> Quantity:
        return Quantity(self.thousandths - other.thousandths)

    def __neg__(self) -> Quantity:
        return Quantity(-self.thousandths)

    def __abs__(self) -> Quantity:
        return Quantity(abs(self.thousandths))

    def __lt__(self, other: Quantity) -> bool:
        return self.thousandths < other.thousandths

    def __bool__(self) -> bool:
        return self.thousandths != 0


ZERO = Quantity(0)


def positive(quantity: Quantity, field: str = "quantity") -> Quantity:
    """The quantity itself, if it is above zero. Raises Refused."""
    if quantity.thousandths <= 0:
        raise Refused("The quantity must be more than zero.", field)
    return quantity


def _checked(scaled: int, decimals: int) -> int:
    thousandths = scaled * 10 ** (PLACES - decimals)
    if abs(thousandths) > LARGEST:
        raise Refused("This quantity is too large. Was a barcode scanned here?")
    return thousandths
