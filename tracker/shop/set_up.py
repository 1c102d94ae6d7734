"""The first owner and the shop's first settings: one transaction, won by one only, then never again."""

from __future__ import annotations

from dataclasses import dataclass

from tracker import db
from tracker.errors import Refused
from tracker.shop import audit, cash, countries, passwords, settings, users

ACCOUNTS = (("Till", "till"), ("Bank", "bank"), ("Mobile money", "mobile_money"))


@dataclass(frozen=True)
class Owner:
    """Who will be the first admin."""

    name: str
    username: str
    password: str
    email: str = ""


def run(owner: Owner, shop_name: str, country: str, **changed: str) -> users.User:
    """Open the shop for business. `changed`: currency, timezone, week_starts where the country's are not wanted.

    Raises Refused at the field that is wrong, and when somebody has set the shop up already.
    """
    derived = countries.facts(country)
    given = {name: value for name, value in changed.items() if value}
    passwords.checked(owner.password, owner.username, owner.name, owner.email, shop_name)
    _refuse_second()
    stored = passwords.hashed(owner.password)
    with db.write():
        _refuse_second()
        user = users.add(owner.username, owner.name, "admin", owner.email)
        users.store_password(user.id, stored)
        with audit.acting(user.actor):
            settings.change(
                shop_name=shop_name,
                country=derived.code,
                is_set_up=True,
                **{name: given.get(name, getattr(derived, name)) for name in ("currency", "timezone", "week_starts")},
            )
            if not cash.balances(archived=True):
                for name, kind in ACCOUNTS:
                    cash.add_account(name, kind)
            audit.note("shop.set_up", "settings")
    return user


def _refuse_second() -> None:
    if users.is_anybody():
        raise Refused("The shop is set up already. Sign in instead.")
