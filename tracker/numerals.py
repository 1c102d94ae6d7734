"""How the shop writes numbers: strict reading and plain writing of scaled whole numbers, no floats anywhere.

A scaled number is an int that counts units of 10^-places: 12.50 with two places is 1250. Digits, groups and the decimal
sign come from CLDR through Babel, read once per locale; after that writing a number costs a microsecond.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass

from tracker.errors import Refused

LARGEST = 10**15  # so that sums of a hundred years of rows stay below 2^63
_SPACES = "\u00a0\u202f\u2009 "


@dataclass(frozen=True)
class Style:
    """The signs of one locale. `groups` is (size of the last group, size of the others)."""

    decimal: str = "."
    group: str = ","
    groups: tuple[int, int] = (3, 3)


_styles: dict[str, Style] = {}


def know(locale: str, style: Style) -> None:
    """The signs of a locale as they were once looked up: the books keep their shop's, so that a start needs no CLDR."""
    _styles[locale] = style


def style_of(locale: str) -> Style:
    """CLDR's signs for a locale such as `en_KE`; plain English where CLDR does not know it."""
    if locale not in _styles:
        _styles[locale] = _look_up(locale)
    return _styles[locale]


def _look_up(locale: str) -> Style:
    from babel import Locale, UnknownLocaleError  # 60 ms and 10 MB to import: not before it is needed

    try:
        known = Locale.parse(locale)
    except (UnknownLocaleError, ValueError):
        return Style()
    symbols = known.number_symbols.get("latn", {})
    pattern = known.decimal_formats[None]
    return Style(symbols.get("decimal", "."), symbols.get("group", ","), tuple(pattern.grouping))


def parse(text: str, places: int, style: Style, what: str = "number") -> int:
    """Read what a person typed as a scaled number.

    Raises Refused with a sentence when it is not a number, has too many decimals, or could mean two things.
    """
    is_odd = any(unicodedata.category(c) == "No" for c in text)  # 5², ③: no digits of a number, though NFKC thinks so
    cleaned = (text if is_odd else unicodedata.normalize("NFKC", text)).strip().replace("\u2212", "-")
    if not cleaned:
        raise Refused(f"Enter {_article(what)}.")
    if len(cleaned) > 32:
        raise Refused(f"This {what} is too long.")
    sign, digits = (-1, cleaned[1:].lstrip()) if cleaned.startswith("-") else (1, cleaned.removeprefix("+"))
    group = re.escape(style.group) if style.group not in _SPACES else f"[{_SPACES}]"
    last, other = style.groups
    whole = rf"(?:[0-9]+|[0-9]{{1,{other}}}(?:{group}[0-9]{{{other}}})*{group}[0-9]{{{last}}})"
    match = re.fullmatch(rf"({whole})(?:{re.escape(style.decimal)}([0-9]*))?", digits)
    example = write(1234 * 10**places + (5 * 10 ** (places - 1) if places else 0), places, style)
    if not match or (style.group == "." and re.fullmatch(r"[0-9]{1,3}\.[0-9]{3}", digits)):
        raise Refused(f"“{text.strip()}” can't be read as {_article(what)}. Write it like {example}.")
    return sign * _scaled(re.sub(r"[^0-9]", "", match[1]), match[2] or "", places, what)


def parse_plain(text: str, places: int, style: Style, what: str = "number") -> int:
    """Read a cell of a file: `1234.5` as programs write it, else as the shop writes numbers."""
    plain = re.fullmatch(r"(-?)([0-9]{1,16})(?:\.([0-9]*))?", text.strip())
    if plain:
        return (-1 if plain[1] else 1) * _scaled(plain[2], plain[3] or "", places, what)
    return parse(text, places, style, what)


def _article(what: str) -> str:
    return f"an {what}" if what[0] in "aeiou" else f"a {what}"


def _scaled(whole: str, decimals: str, places: int, what: str) -> int:
    kept, rest = decimals[:places], decimals[places:]
    if rest.strip("0"):
        allowed = f"at most {places} decimals" if places else "no decimals"
        raise Refused(f"This {what} may have {allowed}.")
    value = int(whole + kept.ljust(places, "0"))
    if value > LARGEST:
        raise Refused(f"This {what} is too large.")
    return value


def write(value: int, places: int, style: Style, trim: bool = False) -> str:
    """A scaled number as the shop writes it; `trim` drops zeros at the end of the decimals."""
    sign, digits = ("-" if value < 0 else ""), str(abs(value)).rjust(places + 1, "0")
    whole, decimals = (digits[:-places], digits[-places:]) if places else (digits, "")
    if trim:
        decimals = decimals.rstrip("0")
    if len(whole) > 3:
        whole = _grouped(whole, style)
    return f"{sign}{whole}{style.decimal}{decimals}" if decimals else sign + whole


def _grouped(whole: str, style: Style) -> str:
    last, other = style.groups
    head, parts = whole[:-last], [whole[-last:]]
    while head:
        parts.insert(0, head[-other:])
        head = head[:-other]
    return style.group.join(parts)


def write_plain(value: int, places: int, trim: bool = False) -> str:
    """A scaled number for files and JSON: `1250.00`, a dot and no groups."""
    return write(value, places, Style(group=""), trim)


def divide(value: int, by: int) -> int:
    """Whole-number division, half away from zero: the one rounding rule of money and cost."""
    if by < 0:
        value, by = -value, -by
    quotient, rest = divmod(abs(value), by)
    rounded = quotient + (2 * rest >= by)
    return rounded if value >= 0 else -rounded
