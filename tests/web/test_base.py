"""The frame of every page: menu, theme, bell, search, messages, fragments. About 5 s."""

from __future__ import annotations

import re
from types import SimpleNamespace

from flask import Blueprint, g, render_template_string

from tests.web.styleguide import add_to
from tracker.web import access, chrome, htmx, search


def test_the_shell_is_there_for_somebody_who_is_signed_in(amina):
    answer = amina.get("/shortcuts")
    assert answer.status_code == 200
    assert "<h1>Shortcuts" in answer.text and 'data-bs-theme="auto"' in answer.text
    assert "Sign out" in answer.text and "Amina" in answer.text


def test_the_style_guide_shows_every_part_without_script_or_style_in_it(app, amina):
    add_to(app)
    answer = amina.get("/styleguide")
    assert answer.status_code == 200
    assert not re.search(r"<script(?![^>]*\bsrc=)|\sstyle=|<style|\son[a-z]+=", answer.text)
    assert len(re.findall(r"<h1\b", answer.text)) == 1
    ids = re.findall(r'\sid="([^"]+)"', answer.text)
    assert sorted(ids) == sorted(set(ids)), "an id stands twice"


def test_every_macro_stands_on_the_style_guide(app):
    templates = app.jinja_env.loader
    guide, _, _ = templates.get_source(app.jinja_env, "styleguide.html")
    base, _, _ = templates.get_source(app.jinja_env, "base.html")
    for file, name in (("ui", "ui"), ("form", "fields"), ("table", "table")):
        source, _, _ = templates.get_source(app.jinja_env, f"macros/{file}.html")
        others = guide + base + source
        for macro in re.findall(r"{% macro (\w+)\(", source):
            used = rf"\b{name}\.{macro}\(|(?<!macro )\b{macro}\("
            assert re.search(used, others), f"{name}.{macro} is shown nowhere"


def test_the_menu_names_only_pages_that_exist_and_that_the_role_may_open(app, amina, juma):
    page = Blueprint("pages_of_a_test", __name__)
    page.add_url_rule("/debts", "debts", access.needs("debts.see")(lambda: ""))
    page.add_url_rule("/stock/low", "low", access.needs("products.see")(lambda: ""))
    app.register_blueprint(page)
    ours, theirs = amina.get("/shortcuts").text, juma.get("/shortcuts").text
    assert 'href="/debts"' in ours and 'href="/stock/low"' in ours and 'href="/sell"' not in ours
    assert 'href="/debts"' not in theirs and 'href="/stock/low"' in theirs


def test_the_menu_has_at_most_nine_entries():
    assert len(chrome.MENU) <= 9


def test_the_theme_is_the_persons_own_and_a_strangers_cookie(app, amina, zawadi):
    amina.send("/me/theme", theme="dark")
    assert 'data-bs-theme="dark"' in amina.get("/shortcuts").text
    zawadi.set_cookie("theme", "light", domain="localhost")
    assert 'data-bs-theme="light"' in zawadi.get("/login").text
    zawadi.set_cookie("theme", '"><script>', domain="localhost")
    assert 'data-bs-theme="auto"' in zawadi.get("/login").text


def test_the_unread_notices_stand_in_the_bell_and_in_the_title(app, amina, monkeypatch):
    monkeypatch.setattr(chrome, "_bell", [lambda person: 3])
    text = amina.get("/shortcuts").text
    assert "<title>(3) Shortcuts" in text
    assert re.search(r'id="bell"[^>]*data-unread="3"', text)
    assert "<strong>3</strong></a>" in amina.get("/bell").text


def test_the_search_answers_with_a_fragment_of_its_own_page(amina, monkeypatch):
    monkeypatch.setattr(
        search, "_finders", {"Products": lambda q, person: [search.Hit("/products/1", f"{q} <b>", "M1")]}
    )
    whole = amina.get("/search?q=milk").text
    part = amina.get("/search?q=milk", headers={"HX-Request": "true"}).text
    assert "<html" in whole and "milk &lt;b&gt;" in whole
    assert "<html" not in part and "milk &lt;b&gt;" in part and '<div class="hits">' in part


def test_a_fragment_asks_nothing_for_menu_bell_and_banners(amina, monkeypatch):
    asked = []
    monkeypatch.setattr(chrome, "_badges", {"health": lambda person: asked.append("badge") or 4})
    monkeypatch.setattr(chrome, "_bell", [lambda person: asked.append("bell") or 3])
    monkeypatch.setattr(chrome, "_banners", [lambda person: asked.append("banner")])
    amina.get("/search?q=milk", headers={"HX-Request": "true"})
    assert asked == []
    amina.get("/search?q=milk")
    assert set(asked) >= {"bell", "banner"} and len(asked) == len(set(asked)), "each is asked once at most"


def test_a_number_that_fails_is_logged_and_takes_no_page_away(amina, monkeypatch, caplog):
    monkeypatch.setattr(chrome, "_bell", [lambda person: 1 // 0])
    assert amina.get("/shortcuts").status_code == 200
    assert "ZeroDivisionError" in caplog.text


def test_a_page_needs_few_statements_for_its_frame(amina, statements):
    amina.get("/shortcuts")
    with statements() as asked:
        amina.get("/shortcuts")
    assert len(asked) <= 5, asked


def test_a_message_is_shown_once_on_the_page_that_follows(app, amina):
    page = Blueprint("a_page_of_a_test", __name__)
    done = access.signed_in(lambda: htmx.see_other("/shortcuts", "Kimani <b> was added."))
    page.add_url_rule("/done", "done", done, methods=["POST"])
    app.register_blueprint(page)
    assert amina.send("/done").headers["Location"] == "/shortcuts"
    assert "Kimani &lt;b&gt; was added." in amina.get("/shortcuts").text
    assert "was added" not in amina.get("/shortcuts").text


def test_htmx_is_told_to_load_the_page_that_follows(app, amina):
    page = Blueprint("a_page_of_a_test", __name__)
    page.add_url_rule("/done", "done", access.signed_in(lambda: htmx.see_other("/shortcuts")), methods=["POST"])
    app.register_blueprint(page)
    headers = {"HX-Request": "true", "X-CSRFToken": amina.token}
    answer = amina.post("/done", headers=headers)
    assert (answer.status_code, answer.headers["HX-Redirect"]) == (204, "/shortcuts")


def test_a_name_that_a_template_does_not_know_is_an_error(app):
    with app.test_request_context("/"):
        g.person = None
        try:
            render_template_string("{{ nobody_gave_this }}")
        except Exception as error:
            assert "nobody_gave_this" in str(error)
        else:
            raise AssertionError("the unknown name was printed as nothing")


def test_a_banner_stands_over_the_page_with_what_mends_it(amina, monkeypatch):
    banner = chrome.Banner("warn", "The worker is silent since 08:00.", "/health", "Look")
    monkeypatch.setattr(chrome, "_banners", [lambda person: banner, lambda person: None])
    text = amina.get("/shortcuts").text
    assert "The worker is silent since 08:00." in text and '<a href="/health">Look</a>' in text


def test_a_number_stands_beside_its_menu_entry_in_words_for_screen_readers(app):
    with app.test_request_context("/"):
        item = SimpleNamespace(key="debts", label="Debts", icon="receipt", url="/debts")
        html = str(app.jinja_env.globals["ui"].menu_item(item, 4, "debts"))
    assert 'aria-current="page"' in html and '4<span class="visually-hidden"> waiting</span>' in html
