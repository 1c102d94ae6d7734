"""Links that hand a text to somebody: WhatsApp's plain address, no library; and what a phone dials."""

from __future__ import annotations

import re
from urllib.parse import quote


def whatsapp(words: str, phone: str = "") -> str:
    """A wa.me address with this text; to this number where it is an international one, else the sender chooses whom."""
    digits = re.sub(r"[^0-9+]", "", phone)
    number = digits[1:] if digits.startswith("+") else digits[2:] if digits.startswith("00") else ""
    to = number if re.fullmatch(r"[0-9]{7,15}", number) else ""
    return f"https://wa.me/{to}?text={quote(words)}" if words else f"https://wa.me/{to}"


def dial(phone: str) -> str:
    """A `tel:` address: digits and a leading plus."""
    digits = re.sub(r"[^0-9+*#]", "", phone)
    return f"tel:{digits}" if digits else ""
