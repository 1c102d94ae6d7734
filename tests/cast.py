"""The cast: Amina owns the shop, Juma is at the till, Zawadi is a stranger, Kimani and Nur supply.

Each function needs open books (the fixture `books`) and puts that person or supplier into them.
"""

from __future__ import annotations

from functools import cache

from tracker.shop import passwords, set_up, suppliers, users
from tracker.shop.suppliers import Supplier
from tracker.shop.users import User

PASSWORD = "mango-verandah-seventeen"  # Amina's and Juma's; nobody's in the lists of common ones
ZAWADI = ("zawadi", "let-me-in-please-88")  # what she types; there is no such account


def shop() -> User:
    """Amina's Shop in Kenya, set up as the wizard does it, with till, bank and mobile money. Returns Amina."""
    return set_up.run(set_up.Owner("Amina", "amina", PASSWORD, "amina@shop.example"), "Amina's Shop", "KE")


def amina() -> User:
    """The owner, an admin with an address, in a shop that is not set up otherwise."""
    return _person("amina", "Amina", "admin", "amina@shop.example")


def juma() -> User:
    """The cashier, without an address."""
    return _person("juma", "Juma", "cashier")


def kimani() -> Supplier:
    """Is paid within 30 days; can be reached by mail and phone."""
    reached = {"email": "orders@kimani.example", "phone": "+254 700 000 001"}
    return suppliers.add("Kimani Wholesale", "KIM", terms_days=30, **reached)


def nur() -> Supplier:
    """Is paid within 7 days; has a phone only."""
    return suppliers.add("Nur Textiles", "NUR", terms_days=7, phone="+254 700 000 002")


def _person(username: str, name: str, role: str, email: str = "") -> User:
    person = users.add(username, name, role, email)
    users.store_password(person.id, _stored())
    return users.get(person.id)


@cache
def _stored() -> str:
    """One hash for all: it is made to be slow."""
    return passwords.hashed(PASSWORD)
