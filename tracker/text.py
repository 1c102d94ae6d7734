"""What a name, a note or an address may be: cleaned once, at the door of the books."""

from __future__ import annotations

import unicodedata

from tracker.errors import Refused

NAME, LINE, NOTE = 200, 200, 2000
_BLANK = {"\u115f", "\u1160", "\u2800", "\u3164", "\uffa0"}  # letters and signs that show nothing
_BIDI = {chr(c) for c in (*range(0x202A, 0x202F), *range(0x2066, 0x206A))}


def line(value: str | None, field: str, label: str, longest: int = LINE, required: bool = False) -> str:
    """One line of text: NFC, trimmed, inner runs of spaces kept to one; no control or direction-override characters.

    Raises Refused at `field` when it is missing though required, or too long.
    """
    cleaned = " ".join(_clean(value or "", field, label).split())
    if not any(unicodedata.category(c)[0] in "LNPS" and c not in _BLANK for c in cleaned):
        cleaned = ""  # nobody could see or click it
    return _sized(cleaned, field, label, longest, required)


def note(value: str | None, field: str = "note", label: str = "note", longest: int = NOTE) -> str:
    """Several lines of text, cleaned like `line` but with its line breaks kept."""
    lines = (value or "").replace("\r\n", "\n").replace("\r", "\n").split("\n")
    return _sized(
        "\n".join(_clean(part, field, label).rstrip() for part in lines).strip(), field, label, longest, False
    )


def key(value: str) -> str:
    """What two spellings of one name have in common: casefolded NFKC, single spaces. Stored for unique indexes."""
    return " ".join(unicodedata.normalize("NFKC", value).casefold().split())


def _clean(value: str, field: str, label: str) -> str:
    try:
        value.encode("utf-8")
    except UnicodeEncodeError as error:
        raise Refused(f"The {label} has characters that can't be stored.", field) from error
    kept = (
        c
        for c in unicodedata.normalize("NFC", value)
        if c == "\t" or (unicodedata.category(c) != "Cc" and c not in _BIDI)
    )
    return "".join(kept).replace("\t", " ")


def _sized(cleaned: str, field: str, label: str, longest: int, required: bool) -> str:
    if required and not cleaned:
        raise Refused(f"Enter {'an' if label[0].lower() in 'aeio' else 'a'} {label}.", field)
    if len(cleaned) > longest:
        raise Refused(f"The {label} may have at most {longest} characters; this one has {len(cleaned)}.", field)
    return cleaned
