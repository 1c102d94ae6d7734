"""The people: first set-up, who may sign in, a forgotten password at the PC, and what somebody was told."""

from __future__ import annotations

import argparse
import sys
from typing import Any

from tracker.cli.output import document, say, table
from tracker.cli.shop import open_shop
from tracker.errors import NotFound, Refused

ROLES = ("admin", "manager", "cashier", "viewer")


def register(add: Any) -> None:
    setup = add("setup", "set the shop up without the browser", _setup)
    setup.add_argument("--shop", required=True, metavar="NAME")
    setup.add_argument("--country", required=True, metavar="KE", help="two letters; currency and zone follow from it")
    setup.add_argument("--currency", default="", metavar="KES")
    setup.add_argument("--timezone", default="", metavar="Africa/Nairobi")
    setup.add_argument("--admin-name", required=True, metavar="NAME")
    setup.add_argument("--admin-user", required=True, metavar="NAME", help="the user name for signing in")
    setup.add_argument("--admin-email", default="", metavar="A")
    setup.add_argument("--password-stdin", action="store_true", required=True, help="read the password from stdin")
    _register_user(
        add("user", "add people, list them, set a password, disable", lambda arguments: arguments.act(arguments))
    )
    notices = add("notices", "what somebody was told, newest first", _notices)
    notices.add_argument("--user", required=True, metavar="NAME")
    notices.add_argument("--json", action="store_true", help="one JSON document")


def _register_user(user: argparse.ArgumentParser) -> None:
    acts = user.add_subparsers(required=True, metavar="add|list|password|disable")
    new = acts.add_parser("add", description="A new person.", allow_abbrev=False)
    new.add_argument("name", metavar="NAME", help="the user name for signing in")
    new.add_argument("--full-name", default="", metavar="NAME", help="as it is shown; otherwise the user name")
    new.add_argument("--email", default="", metavar="A")
    new.add_argument("--role", required=True, choices=ROLES)
    how = new.add_mutually_exclusive_group(required=True)
    how.add_argument("--password-stdin", action="store_true", help="read the password from stdin")
    how.add_argument("--link", action="store_true", help="print a one-time link to choose a password with")
    new.set_defaults(act=_add)
    listing = acts.add_parser("list", description="Everybody who may sign in, or could.", allow_abbrev=False)
    listing.add_argument("--json", action="store_true", help="one JSON document")
    listing.set_defaults(act=_list)
    password = acts.add_parser("password", description="Set a forgotten password, here at the PC.", allow_abbrev=False)
    password.add_argument("name", metavar="NAME")
    password.add_argument("--password-stdin", action="store_true", help="read the password from stdin")
    password.set_defaults(act=_password)
    disable = acts.add_parser("disable", description="They can't sign in any more.", allow_abbrev=False)
    disable.add_argument("name", metavar="NAME")
    disable.set_defaults(act=_disable)


def _user(arguments: argparse.Namespace) -> int:
    return int(arguments.act(arguments))


def _setup(arguments: argparse.Namespace) -> int:
    from tracker.ops import setup_code
    from tracker.shop import set_up

    config = open_shop()
    owner = set_up.Owner(arguments.admin_name, arguments.admin_user, _from_stdin(), arguments.admin_email)
    set_up.run(owner, arguments.shop, arguments.country, currency=arguments.currency, timezone=arguments.timezone)
    setup_code.forget(config)
    say(f"{arguments.shop} is set up. {arguments.admin_name} signs in as {arguments.admin_user}.")
    return 0


def _add(arguments: argparse.Namespace) -> int:
    from tracker.shop import accounts, passwords, users

    open_shop()
    _after_set_up()
    name = arguments.full_name or arguments.name
    if arguments.link:
        user = users.add(arguments.name, name, arguments.role, arguments.email)
        say(accounts.link_to_show(user.id))
        return 0
    password = passwords.checked(_from_stdin(), arguments.name, name, arguments.email)  # before anybody is added
    user = users.add(arguments.name, name, arguments.role, arguments.email)
    accounts.set_password(user.id, password)
    say(f"{user.name} can sign in as {user.username}.")
    return 0


def _list(arguments: argparse.Namespace) -> int:
    from tracker.shop import users

    open_shop()
    people = users.everybody()
    if arguments.json:
        document([
            {"username": one.username, "name": one.name, "email": one.email, "role": one.role,
             "active": one.is_active, "has_password": bool(one.password_hash)}
            for one in people
        ])  # fmt: skip
        return 0
    rows = [(one.username, one.name, one.role, one.email or "-", _state(one)) for one in people]
    table(rows, ("User name", "Name", "Role", "E-mail", "State"))
    return 0


def _password(arguments: argparse.Namespace) -> int:
    from tracker.shop import accounts

    open_shop()
    user = _named(arguments.name)
    accounts.set_password(user.id, _from_stdin() if arguments.password_stdin else _typed_twice())
    say(f"{user.name} has a new password and is signed out everywhere.")
    return 0


def _disable(arguments: argparse.Namespace) -> int:
    from tracker.shop import users

    open_shop()
    user = _named(arguments.name)
    users.disable(user.id)
    say(f"{user.name} can't sign in any more.")
    return 0


def _notices(arguments: argparse.Namespace) -> int:
    from tracker import clock
    from tracker.shop import notifications

    open_shop()
    found = notifications.latest(_named(arguments.user).id)
    if arguments.json:
        document([
            {"id": one.id, "kind": one.kind, "severity": one.severity, "message": one.message, "link": one.link,
             "created_at": one.created_at, "read_at": one.read_at}
            for one in found
        ])  # fmt: skip
        return 0
    for one in found:
        say(f"{clock.local(one.created_at):%Y-%m-%d %H:%M}  {' ' if one.read_at else '*'} {one.message}")
    if not found:
        say("There are no notices.")
    return 0


def _after_set_up() -> None:
    from tracker.shop import users

    if not users.is_anybody():
        raise Refused("The shop is not set up yet. Do that first: `run.py setup`, or in the browser.")


def _named(name: str) -> Any:
    from tracker.shop import users

    user = users.find(name)
    if user is None:
        raise NotFound(f"Nobody here has the user name “{name}”. `run.py user list` shows them.")
    return user


def _state(user: Any) -> str:
    return "disabled" if not user.is_active else "active" if user.password_hash else "no password yet"


def _from_stdin() -> str:
    password = sys.stdin.readline().rstrip("\r\n")
    if not password:
        raise Refused("No password came in on stdin.")
    return password


def _typed_twice() -> str:
    from getpass import getpass

    first = getpass("New password: ")
    if first != getpass("The same once more: "):
        raise Refused("These were two different passwords. Nothing was changed.")
    return first
