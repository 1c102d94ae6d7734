"""Who may do what: docs/roles.md, the roles' table and every route of the program agree. Budget: 20 s."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from werkzeug.routing import Rule

from tracker.config import ROOT
from tracker.shop import roles, users
from tracker.web import access

CAST = {"amina": "admin", "wanjiru": "manager", "juma": "cashier", "vera": "viewer"}
# Pages for strangers, each with its reason in the code: a new one is a decision, made here too.
PUBLIC = {
    "/login", "/logout", "/password/forgot", "/password/reset/<token>", "/password/new", "/welcome/<token>",
    "/setup", "/setup/code", "/setup/derived", "/setup/you", "/livez", "/healthz", "/static/<path:filename>",
}  # fmt: skip


def documented() -> dict[str, frozenset[str]]:
    lines = (ROOT / "docs" / "roles.md").read_text(encoding="utf-8").splitlines()
    head = next(line for line in lines if line.startswith("| Action"))
    names = [cell.strip() for cell in head.strip("|").split("|")][2:]
    found = {}
    for line in lines:
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if re.fullmatch(r"`[a-z.]+`", cells[0]) and len(cells) == 2 + len(names):
            assert set(cells[2:]) <= {"yes", "no"}, line
            found[cells[0].strip("`")] = frozenset(n for n, cell in zip(names, cells[2:], strict=True) if cell == "yes")
    return found


def routes(app: Flask) -> list[tuple[Rule, str]]:
    methods = ("GET", "POST", "PUT", "PATCH", "DELETE")
    return [(rule, method) for rule in app.url_map.iter_rules() for method in methods if method in (rule.methods or ())]


def address(rule: Rule) -> str:
    """An address of this route with made-up parts: 999999 where a number is asked for, the first of a choice."""
    chosen = re.sub(r"<any\(['\"]?([^,)'\"]+)[^>]*>", r"\1", rule.rule)
    return re.sub(r"<[^>]*>", lambda part: "999999" if "int:" in part[0] else "backup", chosen)


def test_the_document_says_what_the_program_does() -> None:
    assert documented() == roles.ACTIONS == users.ACTIONS


def test_every_route_names_an_action_of_the_table_or_says_why_it_is_open(app: Flask) -> None:
    for rule, _ in routes(app):
        found = access.access_of(app, rule.endpoint)
        assert found is not None, rule
        if found.kind == "needs":
            assert found.action in roles.ACTIONS, rule
        if found.kind == "public":
            assert len(found.why.split()) >= 4, f"{rule} is open to strangers without a reason"


def test_only_these_pages_are_open_to_strangers(app: Flask) -> None:
    open_ones = {rule.rule for rule, _ in routes(app) if access.access_of(app, rule.endpoint).kind == "public"}  # type: ignore[union-attr]
    assert open_ones <= PUBLIC


def test_a_route_without_a_declaration_stops_the_program(app: Flask) -> None:
    app.view_functions["bare"] = lambda: ""
    with pytest.raises(RuntimeError, match="bare"):
        access.check_declared(app)


@pytest.mark.parametrize("name", [*CAST, "zawadi"])
def test_every_route_lets_in_exactly_those_who_may(app: Flask, browser_of: Callable[[str], Any], name: str) -> None:
    client = browser_of(name)
    stranger = name not in CAST
    token = client.token
    wrong = []
    for rule, method in routes(app):
        found = access.access_of(app, rule.endpoint)
        assert found
        if found.kind == "public":
            continue
        client = browser_of(name) if method != "GET" else client
        token = client.token if method != "GET" else token
        form = (
            {} if method == "GET" else {"data": {"csrf_token": token}, "headers": {"Origin": "http://localhost:8000"}}
        )
        code = client.open(address(rule), method=method, **form).status_code
        may = not stranger and (found.kind == "signed_in" or roles.may(CAST[name], found.action))
        if stranger and code != 303 or not stranger and (code == 403) is may or code >= 500:
            wrong.append(f"{method} {rule.rule}: {code}")
    assert not wrong, "\n".join(wrong)


def test_the_page_for_a_role_that_may_not_says_who_may(juma: Any) -> None:
    answer = juma.get("/settings")
    assert answer.status_code == 403
    assert "role of admin" in answer.text and "Yours is cashier" in answer.text


def test_an_unknown_action_is_a_bug_and_loud() -> None:
    with pytest.raises(KeyError):
        roles.may("admin", "no.such")
