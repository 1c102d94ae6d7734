"""Money: exact minor units of the shop's one currency; parse, format, split. No floats, ever."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import total_ordering
from typing import Any

from tracker import numerals
from tracker.errors import Refused


@dataclass
class _Shop:
    currency: str = "USD"
    places: int = 2
    style: numerals.Style = numerals.Style()


_shop = _Shop()


def use(currency: str, places: int, locale: str) -> None:
    """Tell money which currency (ISO 4217) it is in, with how many decimals, and how this shop writes numbers."""
    _shop.currency, _shop.places, _shop.style = currency, places, numerals.style_of(locale)


def currency() -> str:
    return _shop.currency


def places() -> int:
    """Decimals of the shop's currency: 2 for KES, 0 for JPY, 3 for TND."""
    return _shop.places


_places: dict[str, int] = {}


def know(code: str, decimals: int) -> None:
    """The decimals of a currency as they were once looked up."""
    _places[code] = decimals


def places_of(code: str) -> int:
    """Decimals of a currency. Source: CLDR's currency data, which follows ISO 4217."""
    if code not in _places:
        from babel.numbers import get_currency_precision

        _places[code] = int(get_currency_precision(code))
    return _places[code]


@total_ordering
@dataclass(frozen=True, slots=True)
class Money:
    """An amount in minor units (cents) of the shop's currency."""

    minor: int

    def __post_init__(self) -> None:
        if type(self.minor) is not int:
            raise TypeError(f"Money counts whole minor units, not {self.minor!r}")

    @classmethod
    def parse(cls, text: str) -> Money:
        """Read an amount that a person typed, with or without the currency's code. Raises Refused."""
        return cls(numerals.parse(_without_code(text), _shop.places, _shop.style, "amount"))

    @classmethod
    def parse_plain(cls, text: str) -> Money:
        """Read a file's cell: `1250.00` first, else as the shop writes it. Raises Refused."""
        return cls(numerals.parse_plain(_without_code(text), _shop.places, _shop.style, "amount"))

    def __str__(self) -> str:
        """As the shop writes it, without the currency: `1,250.00`."""
        return numerals.write(self.minor, _shop.places, _shop.style)

    def with_currency(self) -> str:
        """`KES 1,250.00`"""
        return f"{_shop.currency} {self}"

    def short(self) -> str:
        """For headlines: `KES 1,250` when there are no cents."""
        whole = self.minor % 10**_shop.places == 0
        return f"{_shop.currency} {numerals.write(self.minor, _shop.places, _shop.style, trim=whole)}"

    def plain(self) -> str:
        """For files and JSON: `1250.00`"""
        return numerals.write_plain(self.minor, _shop.places)

    def __add__(self, other: Money) -> Money:
        return Money(self.minor + other.minor)

    def __radd__(self, other: Any) -> Money:  # so that sum() works
        return self if other == 0 else NotImplemented

    def __sub__(self, other: Money) -> Money:
        return Money(self.minor - other.minor)

    def __neg__(self) -> Money:
        return Money(-self.minor)

    def __abs__(self) -> Money:
        return Money(abs(self.minor))

    def __lt__(self, other: Money) -> bool:
        return self.minor < other.minor

    def __bool__(self) -> bool:
        return self.minor != 0

    def share(self, part: int, whole: int) -> Money:
        """This amount times part/whole, rounded half up once: the value of part of a stock, a percentage."""
        return Money(numerals.divide(self.minor * part, whole))

    def split(self, weights: Iterable[int]) -> list[Money]:
        """Divide over whole-number weights so that the parts sum to exactly this amount (largest remainders first)."""
        shares = list(weights)
        whole = sum(shares)
        if whole <= 0 or min(shares) < 0:
            raise ValueError("the weights must be positive")
        parts = [self.minor * weight // whole for weight in shares]
        rests = sorted(range(len(shares)), key=lambda i: (-(self.minor * shares[i] % whole), i))
        for i in rests[: self.minor - sum(parts)]:
            parts[i] += 1
        return [Money(part) for part in parts]


ZERO = Money(0)


def positive(amount: Money, field: str = "amount") -> Money:
    """The amount itself, if it is above zero. Raises Refused."""
    if amount.minor <= 0:
        raise Refused("The amount must be more than zero.", field)
    return amount


def _without_code(text: str) -> str:
    stripped = text.strip()
    if stripped.upper().startswith(_shop.currency):
        return stripped[len(_shop.currency) :]
    if stripped.upper().endswith(_shop.currency):
        return stripped[: -len(_shop.currency)]
    return stripped
