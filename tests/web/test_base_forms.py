"""Forms: strict reading, sentences beside the field, what was typed is kept, a double click is done once. About 5 s."""

from __future__ import annotations

import threading
from datetime import date, time

import pytest
from flask import Blueprint
from werkzeug.datastructures import MultiDict

from tracker import money
from tracker.errors import Refused
from tracker.money import Money
from tracker.quantity import Quantity
from tracker.web import access, fields, htmx, stale
from tracker.web.forms import Form

HERE = {"Origin": "http://localhost:8000"}


class Invoice(Form):
    name = fields.LineField("Supplier name", required=True, longest=20)
    amount = fields.MoneyField("Amount", required=True)
    pieces = fields.QuantityField("Pieces", decimals=0)
    due_on = fields.DayField("Due date")
    at = fields.TimeField("Time")
    days = fields.NumberField("Days to pay", high=365)
    account = fields.ChoiceField("Paid from", [("", "Choose"), (1, "Till"), (2, "Bank")], coerce=int)
    state = fields.ChoiceField("State", [("open", "Open"), ("paid", "Paid")], required=True)
    note = fields.NoteField("Notes")
    word = fields.PasswordField("Password")
    agreed = fields.TickField("Agreed")


GOOD = {"name": "  Kimani   Wholesale ", "amount": "1,250.50", "state": "open"}


def filled(app, **typed):
    with app.test_request_context("/", method="POST"):
        form = Invoice(formdata=MultiDict(GOOD | typed), meta={"csrf": False})
        form.is_good = form.validate()
        return form


def test_text_becomes_the_ground_floors_values(app):
    typed = {"pieces": "12", "due_on": "2026-11-23", "at": "08:30", "days": "30", "account": "2", "agreed": "1"}
    form = filled(app, **typed, note="a\r\nb", word=" spaced ")
    assert form.is_good, form.wrong
    assert form.values() == {
        "name": "Kimani Wholesale", "amount": Money(125_050), "pieces": Quantity.of(12), "due_on": date(2026, 11, 23),
        "at": time(8, 30), "days": 30, "account": 2, "state": "open", "note": "a\nb", "word": " spaced ",
        "agreed": True,
    }  # fmt: skip


def test_what_is_left_empty_is_nothing(app):
    form = filled(app)
    empty = form.values("pieces", "due_on", "at", "days", "account", "note", "word", "agreed")
    assert form.is_good
    assert empty == {
        "pieces": None, "due_on": None, "at": None, "days": None, "account": None, "note": "", "word": "",
        "agreed": False,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("field", "typed", "says"),
    [
        ("name", " ", "Fill in “Supplier name”."),
        ("name", "x" * 21, "at most 20 characters"),
        ("amount", "", "Fill in “Amount”."),
        ("amount", "12,50", "can't be read as an amount"),
        ("amount", "1.234.50", "can't be read"),
        ("amount", "nan", "can't be read"),
        ("amount", "1e5", "can't be read"),
        ("pieces", "1.5", "no decimals"),
        ("due_on", "23/11/2026", "is not a date"),
        ("due_on", "2026-02-30", "is not a date"),
        ("due_on", "0026-11-23", "can't be right"),
        ("due_on", "2026-W01-1", "is not a date"),
        ("at", "25:00", "is not a time"),
        ("days", "366", "from 0 to 365"),
        ("days", "-1", "from 0 to 365"),
        ("days", "٣", "from 0 to 365"),
        ("account", "3", "Choose one from the list."),
        ("account", "x", "Choose one from the list."),
        ("state", "", "Choose one from the list."),
        ("state", "gone", "Choose one from the list."),
    ],
)
def test_a_wrong_entry_is_told_at_its_field_and_stays_in_it(app, field, typed, says):
    form = filled(app, **{field: typed})
    assert not form.is_good
    assert [place for place, _ in form.wrong] == [field]
    assert says in form.wrong[0][1]
    if hasattr(form[field], "_value"):
        assert form[field]._value() == typed


def test_a_german_looking_amount_never_becomes_a_hundred_times_as_much(app):
    money.use("EUR", 2, "de_DE")
    assert filled(app, amount="12,50").amount.data == Money(1250)
    assert not filled(app, amount="12.500").is_good


def test_a_password_is_never_written_back(app):
    form = filled(app, word="mango verandah")
    with app.test_request_context("/"):
        assert "mango" not in str(form.word()) and form.word._value() == ""


def test_fields_that_the_form_does_not_list_are_not_taken(app):
    form = filled(app, role="admin", id="7")
    assert form.is_good and not {"role", "id"} & set(form.values())


def test_a_refusal_of_the_books_stands_at_its_field_or_over_the_form(app):
    form = filled(app)
    form.refuse(Refused("There is a Kimani already.", "name"))
    form.refuse(Refused("The shop is closed.", "nowhere"))
    assert form.wrong == [("", "The shop is closed."), ("name", "There is a Kimani already.")]


def test_the_summary_links_to_the_field_that_names_its_error(app):
    form = filled(app, amount="12,50")
    with app.test_request_context("/"):
        macros = app.jinja_env.globals["fields"]
        summary, field = str(macros.summary(form)), str(macros.field(form.amount, help="Without tax."))
    assert '<a href="#amount">' in summary and "Please mend this:" in summary
    assert 'aria-invalid="true"' in field and 'aria-describedby="amount-error amount-help"' in field
    assert 'id="amount-error"' in field and 'id="amount-help"' in field and 'value="12,50"' in field


def test_choices_are_escaped_and_the_chosen_one_is_marked(app):
    with app.test_request_context("/"):
        form = Invoice(formdata=MultiDict(GOOD | {"account": "2"}), meta={"csrf": False})
        form.account.choices = [(2, '<b>"Bank"'), (1, "Till")]
        html = str(form.account(class_="form-select"))
    assert '<option value="2" selected>&lt;b&gt;&#34;Bank&#34;</option>' in html and 'class="form-select"' in html


def test_every_secret_field_of_every_form_is_known_as_one_and_no_other(app):
    secret, plain = set(), set()
    for form in all_forms(Form):
        if form.__module__.startswith("tracker."):
            for name, field in vars(form).items():
                if hasattr(field, "field_class"):
                    (secret if issubclass(field.field_class, fields.PasswordField) else plain).add(name)
    assert {"password", "code", "name"} <= secret | plain
    assert [name for name in secret if not stale.is_secret(name)] == []
    assert [name for name in plain if stale.is_secret(name)] == []


def all_forms(kind):
    for form in kind.__subclasses__():
        yield form
        yield from all_forms(form)


# --- done once -------------------------------------------------------------------------------------------------------


@pytest.fixture
def booked(app):
    """A page that books something slowly; what was booked is in the list."""
    page, done = Blueprint("booked", __name__), []
    started, may_go_on = threading.Event(), threading.Event()
    may_go_on.set()

    @page.post("/book")
    @access.signed_in
    def create():
        started.set()
        assert may_go_on.wait(10)
        done.append(1)
        return htmx.see_other(f"/booked/{len(done)}")

    @page.post("/refuse")
    @access.signed_in
    def refuse():
        done.append(0)
        return "no", 422

    app.register_blueprint(page)
    return done, started, may_go_on


def test_the_same_form_sent_again_gets_the_firsts_answer(booked, amina):
    done, *_ = booked
    answers = [amina.send("/book", request_key="abcdefgh12345678").headers["Location"] for _ in range(3)]
    assert answers == ["/booked/1"] * 3 and done == [1]
    assert amina.send("/book", request_key="another-key-87654").headers["Location"] == "/booked/2"


def test_another_persons_equal_key_is_another_form(booked, amina, browser_of):
    amina.send("/book", request_key="abcdefgh12345678")
    assert browser_of("wanjiru").send("/book", request_key="abcdefgh12345678").headers["Location"] == "/booked/2"


def test_a_form_that_was_refused_may_be_sent_again_with_its_key(booked, amina):
    done, *_ = booked
    assert amina.send("/refuse", request_key="abcdefgh12345678").status_code == 422
    assert amina.send("/refuse", request_key="abcdefgh12345678").status_code == 422
    assert done == [0, 0]


def test_a_second_click_waits_while_the_first_is_being_booked(booked, app, amina, browser_of):
    done, started, may_go_on = booked
    may_go_on.clear()
    other = browser_of("amina")
    tokens = {client: client.token for client in (amina, other)}
    answers = []

    def click(client):
        fields = {"csrf_token": tokens[client], "request_key": "abcdefgh12345678"}
        answers.append(client.post("/book", data=fields, headers=HERE).headers["Location"])

    threads = [threading.Thread(target=click, args=(client,)) for client in (amina, other)]
    threads[0].start()
    assert started.wait(10)
    threads[1].start()
    threads[1].join(0.3)
    assert threads[1].is_alive() and answers == []
    may_go_on.set()
    for thread in threads:
        thread.join(10)
    assert answers == ["/booked/1"] * 2 and done == [1]
