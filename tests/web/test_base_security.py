"""What every request must pass: host, log-in, role, origin, token; and what every answer carries. About 8 s."""

from __future__ import annotations

import io
import re

import pytest
from flask import Blueprint, request

from tests.web.conftest import TOKEN
from tracker.config import ROOT
from tracker.web import access, create_app, htmx, security, stale
from tracker.web.fields import LineField, PasswordField
from tracker.web.forms import Form

HERE = {"Origin": "http://localhost:8000"}


class Typed(Form):
    name = LineField("Name", required=True)
    password = PasswordField("Password")


@pytest.fixture
def typed(app):
    """A page with a form at /typed that does something on POST; what was done is in the list."""
    page, done = Blueprint("typed", __name__), []

    @page.get("/typed")
    @access.needs("suppliers.edit")
    def new():
        form = Typed()
        return app.jinja_env.from_string("{{ fields.summary(form) }}{{ fields.field(form.name) }}").render(form=form)

    @page.post("/typed")
    @access.needs("suppliers.edit")
    def create():
        form = Typed()
        if form.validate():
            done.append(form.name.data)
            return htmx.see_other("/typed")
        return "; ".join(sentence for _, sentence in form.wrong), 422

    app.register_blueprint(page)
    return done


def test_a_stranger_is_sent_to_the_log_in_and_back(zawadi, people):
    answer = zawadi.get("/shortcuts?x=1")
    assert answer.status_code == 303
    assert answer.headers["Location"] == "/login?next=%2Fshortcuts%3Fx%3D1"


def test_a_role_that_may_not_is_told_who_can(typed, juma):
    answer = juma.get("/typed")
    assert answer.status_code == 403
    assert "admin or manager" in answer.text


def test_a_route_that_declares_no_access_stops_the_program(app, config):
    app.add_url_rule("/forgotten", "forgotten", lambda: "")
    with pytest.raises(RuntimeError, match="forgotten"):
        access.check_declared(app)


def test_what_was_declared_nowhere_is_refused_even_so(app, amina):
    app.add_url_rule("/forgotten", "forgotten", lambda: "secret")
    assert amina.get("/forgotten").status_code == 403


@pytest.mark.parametrize(
    "host", ["localhost", "LOCALHOST:8000", "127.0.0.1:9", "192.168.1.20:8000", "[::1]:8000", "[fe80::1]"]
)
def test_our_own_names_and_addresses_in_digits_are_known(app, host):
    assert app.test_client().get("/livez", headers={"Host": host}).status_code == 200


@pytest.mark.parametrize(
    "host", ["evil.example", "localhost.evil.example", "127.0.0.1.evil.example", "", "a b", "x:y:z", "[::1"]
)
def test_an_unknown_host_is_refused_on_every_address(app, host):
    for path in ("/livez", "/nothing", "/static/favicon.svg", "/login"):
        assert app.test_client().get(path, headers={"Host": host}).status_code == 400


def test_the_hosts_of_base_url_and_settings_are_known(config):
    from dataclasses import replace

    named = replace(config, base_url="https://shop.example/x", trusted_hosts=("till.local",))
    assert security.host_is_known("shop.example", named) and security.host_is_known("till.local:8000", named)
    assert not security.host_is_known("other.local", named)


def test_an_unsafe_request_needs_a_token(typed, amina):
    for headers in ({}, HERE, {"Referer": "http://localhost:8000/typed"}, {"HX-Request": "true"}):
        assert amina.post("/typed", data={"name": "Kimani"}, headers=headers).status_code == 403
    assert typed == []


@pytest.mark.parametrize(
    "origin", ["http://evil.example", "null", "http://localhost.evil.example:8000", "https://192.168.1.9"]
)
def test_a_foreign_origin_is_refused_in_spite_of_a_good_token(typed, amina, origin):
    token = amina.token
    answer = amina.post("/typed", data={"name": "Kimani", "csrf_token": token}, headers={"Origin": origin})
    assert answer.status_code == 403 and typed == []
    referer = {"Referer": "http://evil.example/page"}
    assert amina.post("/typed", data={"name": "K", "csrf_token": token}, headers=referer).status_code == 403


def test_another_sessions_token_brings_the_form_back_with_what_was_typed(typed, amina, browser_of):
    foreign = browser_of("wanjiru").token
    amina.get("/shortcuts")
    fields = {"csrf_token": foreign, "name": "Kimani & <Sons>", "password": "secret words", "request_key": "k" * 16}
    answer = amina.post("/typed", data=fields, headers=HERE)
    assert answer.status_code == 403 and typed == []
    assert "Kimani &amp; &lt;Sons&gt;" in answer.text and "secret words" not in answer.text
    again = dict(re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', answer.text))
    assert (
        amina.post("/typed", data={"csrf_token": again["csrf_token"], "name": "Kimani"}, headers=HERE).status_code
        == 303
    )
    assert typed == ["Kimani"]


def test_a_form_that_met_an_ended_log_in_is_filled_in_again_afterwards(app, typed, amina, people):
    from tracker.shop import sessions

    token = amina.token
    sessions.end_all(people["amina"])
    fields = {"csrf_token": token, "name": "Kimani", "password": "secret", "form_name": "Typed"}
    answer = amina.post("/typed", data=fields, headers={**HERE, "Referer": "http://localhost:8000/typed"})
    assert answer.status_code == 303
    assert answer.headers["Location"] == "/login?next=%2Ftyped" and typed == []
    amina.set_cookie(security.login_cookie(app), sessions.start(people["amina"]), domain="localhost")
    text = amina.get("/typed").text
    assert 'value="Kimani"' in text and "signed out before this was saved" in text
    assert 'value="Kimani"' not in amina.get("/typed").text


@pytest.mark.parametrize(
    "target",
    ["//evil.example", "/\\evil.example", "/\t/evil", "http://evil", "evil", "", None, "/a\r\nb", "\\/evil", "/x\\y"],
)
def test_a_redirect_never_leaves_the_shop(target):
    assert stale.safe_path(target) == "/"


def test_a_redirect_to_a_page_of_ours_is_kept():
    assert stale.safe_path("/debts?state=overdue&q=a%20b") == "/debts?state=overdue&q=a%20b"


@pytest.mark.parametrize(
    "path", ["/livez", "/login", "/shortcuts", "/nothing", "/static/css/app.css", "/static/nothing"]
)
def test_every_answer_carries_the_safe_headers(amina, path):
    headers = amina.get(path).headers
    assert headers["Content-Security-Policy"] == security.POLICY
    assert headers["X-Content-Type-Options"] == "nosniff" and headers["Referrer-Policy"] == "same-origin"
    assert "unsafe" not in security.POLICY


def test_pages_are_never_stored_and_hashed_files_for_a_year(amina):
    page = amina.get("/shortcuts")
    assert page.headers["Cache-Control"] == "no-store"
    address = re.search(r'href="(/static/css/app\.css\?v=[0-9a-f]{10})"', page.text)[1]
    assert "immutable" in amina.get(address).headers["Cache-Control"]
    assert amina.get("/static/css/app.css").headers["Cache-Control"] == "no-cache"
    font = next((ROOT / "static" / "vendor").glob("inter-*/*.woff2")).relative_to(ROOT)  # a style sheet names it
    assert "immutable" in amina.get(f"/{font.as_posix()}").headers["Cache-Control"]
    assert amina.get("/static/nothing.css?v=1").headers["Cache-Control"] == "no-store"


def test_cookies_are_kept_from_scripts_and_other_sites(config, people, amina):
    cookie = amina.get("/shortcuts").headers["Set-Cookie"]
    assert "HttpOnly" in cookie and "SameSite=Lax" in cookie and "Secure" not in cookie


def test_behind_https_cookies_are_secure_and_bound_to_the_host(config):
    from dataclasses import replace

    app = create_app(replace(config, base_url="https://shop.example"))
    assert app.config["SESSION_COOKIE_NAME"] == "__Host-shop" and app.config["SESSION_COOKIE_SECURE"]
    assert security.login_cookie(app) == f"__Host-{access.COOKIE}"


def test_two_starts_of_one_folder_share_their_secret_key(config, tmp_path):
    from dataclasses import replace

    one, two = create_app(config), create_app(config)
    assert one.config["SECRET_KEY"] == two.config["SECRET_KEY"] and len(one.config["SECRET_KEY"]) == 32
    other = create_app(replace(config, data=tmp_path / "other"))
    assert other.config["SECRET_KEY"] != one.config["SECRET_KEY"]


def test_flask_debug_in_the_environment_opens_no_debugger(config, monkeypatch):
    monkeypatch.setenv("FLASK_DEBUG", "1")
    app = create_app(config)
    assert app.debug is False and app.config["PROPAGATE_EXCEPTIONS"] is False


def test_a_get_changes_nothing_in_the_books(app, amina):
    from tracker import db

    amina.get("/shortcuts")
    before = db.rows("SELECT total_changes()")
    for path in ("/shortcuts", "/search?q=a", "/bell", "/nothing", "/livez"):
        amina.get(path)
    assert db.rows("SELECT total_changes()") == before


def test_a_post_of_more_than_two_megabytes_is_refused(typed, amina):
    token = amina.token
    answer = amina.post("/typed", data={"csrf_token": token, "name": "x" * 2_100_000}, headers=HERE)
    assert answer.status_code == 413 and typed == []


def test_a_route_that_takes_more_takes_it_from_people_and_not_from_strangers(app, amina, zawadi):
    page = Blueprint("more", __name__)
    view = security.takes(4_000_000)(access.needs("import.run")(lambda: str(len(request.files["file"].read()))))
    page.add_url_rule("/more", "more", view, methods=["POST"])
    app.register_blueprint(page)
    for size, status in ((3_000_000, 200), (4_100_000, 413)):
        file = (io.BytesIO(b"x" * size), "list.csv")
        answer = amina.post("/more", data={"csrf_token": amina.token, "file": file}, headers=HERE)
        assert answer.status_code == status and (status != 200 or answer.text == str(size))
    file = (io.BytesIO(b"x" * 3_000_000), "list.csv")
    assert zawadi.post("/more", data={"csrf_token": "x", "file": file}, headers=HERE).status_code == 413


def test_the_probe_asks_no_database(app, statements):
    with statements() as asked:
        assert app.test_client().get("/livez").status_code == 200
    assert asked == []


def test_the_token_of_a_page_stays_good_all_day(amina, app):
    assert app.config["WTF_CSRF_TIME_LIMIT"] is None
    assert TOKEN.search(amina.get("/shortcuts").text)
