"""The four roles and what each may do: the table of docs/roles.md, which a test holds to this and to every route."""

from __future__ import annotations

ROLES = ("admin", "manager", "cashier", "viewer")
ADMIN, MANAGER, CASHIER, VIEWER = ROLES
ALL = frozenset(ROLES)
OFFICE = frozenset({ADMIN, MANAGER})
READERS = OFFICE | {VIEWER}

ACTIONS: dict[str, frozenset[str]] = {
    "morning.see": ALL,
    "products.see": ALL,
    "products.edit": OFFICE,
    "costs.see": READERS,
    "stock.receive": OFFICE | {CASHIER},
    "stock.adjust": OFFICE,
    "orders.mark": OFFICE,
    "suppliers.see": READERS,
    "suppliers.edit": OFFICE,
    "debts.see": READERS,
    "debts.edit": OFFICE,
    "payments.record": OFFICE,
    "payments.void": frozenset({ADMIN}),
    "cash.see": READERS,
    "cash.edit": OFFICE,
    "void.any": frozenset({ADMIN}),
    "import.run": OFFICE,
    "notices.own": ALL,
    "health.see": READERS,
    "jobs.run": OFFICE,
    "jobs.edit": frozenset({ADMIN}),
    "mail.see": OFFICE,
    "mail.resend": OFFICE,
    "processes.restart": frozenset({ADMIN}),
    "backups.make": OFFICE,
    "settings.see": frozenset({ADMIN}),
    "settings.edit": frozenset({ADMIN}),
    "users.edit": frozenset({ADMIN}),
    "audit.see": frozenset({ADMIN}),
}


def may(role: str, action: str) -> bool:
    """Whether a role may do it. An unknown action is a bug and raises KeyError."""
    return role in ACTIONS[action]


def who_may(action: str) -> str:
    """The roles that may, in words: "admin or manager"."""
    names = [role for role in ROLES if role in ACTIONS[action]]
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} or {names[-1]}"
