"""Passwords: what one may be, and its hash: scrypt as OWASP asks, two at a time at most, never in a transaction."""

from __future__ import annotations

import secrets
import threading
from functools import cache
from pathlib import Path

from werkzeug.security import check_password_hash, generate_password_hash

from tracker import db, text
from tracker.errors import Refused

METHOD = "scrypt:32768:8:3"  # 2^15 · 8 · 3: OWASP's alternative to 2^17 · 8 · 1 with a quarter of the memory
SHORTEST, LONGEST = 10, 128

_COMMON = Path(__file__).with_name("common_passwords.txt")
_two_at_once = threading.BoundedSemaphore(2)  # each takes 32 MB and a core for a moment


def checked(password: str, *known: str, field: str = "password") -> str:
    """The password, if it is good enough. `known`: names that must not be the password. Raises Refused at `field`."""
    if len(password) < SHORTEST:
        raise Refused(f"Use at least {SHORTEST} characters. Three words that only you put together are good.", field)
    if len(password) > LONGEST:
        raise Refused(f"Use at most {LONGEST} characters.", field)
    try:
        password.encode("utf-8")
    except UnicodeEncodeError as error:
        raise Refused("This password has characters that can't be stored.", field) from error
    if _is_easy(text.key(password), {text.key(name) for name in known if name}):
        raise Refused("This password is easy to guess. Three words that only you put together are good.", field)
    return password


def hashed(password: str) -> str:
    """The hash to store: 0.2 seconds of work."""
    _outside_transactions()
    with _two_at_once:
        return generate_password_hash(password, METHOD)


def matches(stored: str | None, password: str) -> bool:
    """Whether it is the password behind this hash. Nothing stored takes just as long and is never right."""
    _outside_transactions()
    with _two_at_once:
        right = check_password_hash(stored or _dummy(), password[: LONGEST + 1])
    return right and stored is not None


def is_old(stored: str) -> bool:
    """Whether the hash was made with another strength and should be made anew at the next log-in."""
    return not stored.startswith(f"{METHOD}$")


def _outside_transactions() -> None:
    if db.books.database is not None and not db.books.is_closed() and db.books.in_transaction():
        raise RuntimeError("hashing a password inside a transaction would keep the whole shop waiting")


@cache
def _dummy() -> str:
    return generate_password_hash(secrets.token_urlsafe(16), METHOD)


def _is_easy(key: str, known: set[str]) -> bool:
    bare = key.replace(" ", "")
    if len(set(bare)) < 5 or bare in _common() or bare.rstrip("0123456789!.") in _common():
        return True
    if any(bare in row or bare in row[::-1] for row in _ROWS):
        return True
    names = (name.replace(" ", "") for name in known)
    return any(len(name) > 2 and not bare.replace(name, "").strip("0123456789!.-_") for name in names)


_ROWS = ("01234567890123456789", "abcdefghijklmnopqrstuvwxyz", "qwertyuiopasdfghjklzxcvbnm", "1q2w3e4r5t6y7u8i9o0p")


@cache
def _common() -> frozenset[str]:
    lines = _COMMON.read_text(encoding="utf-8").splitlines()
    return frozenset(line for line in lines if line and not line.startswith("#"))
