"""The page modules: one noun each, named here once; `create_app` registers the blueprint `page` of every one."""

from __future__ import annotations

PAGES: tuple[str, ...] = (
    "shell",
    "livez",
    "auth",
    "setup",
    "users",
    "me",
    "settings",
    "morning",
    "products",
    "stock",
    "low_stock",
    "suppliers",
    "debts",
    "payments",
    "cash",
    "notifications",
    "health",
    "jobs",
    "mails",
    "imports",
)
