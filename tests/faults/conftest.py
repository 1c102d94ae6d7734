"""The demo shop of the security tests, for those who break what is under it."""

from __future__ import annotations

from tests.security.conftest import amina, app, browser_of, config, juma, people, shop, statements, zawadi

__all__ = ["amina", "app", "browser_of", "config", "juma", "people", "shop", "statements", "zawadi"]
