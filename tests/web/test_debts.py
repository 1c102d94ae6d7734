"""The debts' pages: the list with its strips, one debt, a new one, quiet and voided ones (about 6 s)."""

from __future__ import annotations

import csv
import io

import pytest

from tests.web.owing import day, shop
from tracker.money import Money
from tracker.shop import payables, voids


@pytest.fixture
def s(app):
    with shop() as made:
        yield made


def test_a_stranger_is_sent_to_the_log_in_and_the_till_may_not_see_what_is_owed(s, zawadi, juma):
    for path in ("/debts", "/debts/new", f"/debts/{s.old.id}"):
        assert zawadi.get(path).status_code == 303
        assert juma.get(path).status_code == 403


def test_the_viewer_reads_but_is_offered_nothing_to_change(s, browser_of):
    vera = browser_of("vera")
    text = vera.get("/debts").text + vera.get(f"/debts/{s.old.id}").text
    assert "INV-1180" in text
    assert "New debt" not in text and "Pay…" not in text and "Void" not in text and "Snooze" not in text
    assert vera.send(f"/debts/{s.old.id}/snooze", snoozed_until=day(3).isoformat()).status_code == 403


def test_the_list_says_how_much_to_how_many_and_shows_the_late_supplier_first(s, amina, statements):
    amina.get("/debts")
    with statements() as asked:
        text = amina.get("/debts").text
    assert "USD 864 to 2 suppliers" in text
    assert "12 days late" in text and "3 days late" in text and "due tomorrow" in text
    assert text.index("Kimani Wholesale") < text.index("Nur Traders")
    assert text.index("INV-1180") < text.index("INV-1192") < text.index("INV-1201")
    assert len(asked) <= 6, asked


@pytest.mark.parametrize(
    ("state", "shown"),
    [
        ("overdue", {"INV-1180", "INV-1192"}),
        ("soon", {"INV-1201"}),
        ("later", {"INV-2207"}),
        ("quiet", set()),
        ("paid", set()),
        ("nonsense", {"INV-1180", "INV-1192", "INV-1201", "INV-2207"}),
    ],
)
def test_a_strip_shows_its_debts_and_no_others(s, amina, state, shown):
    text = amina.get(f"/debts?state={state}").text
    assert {name for name in ("INV-1180", "INV-1192", "INV-1201", "INV-2207") if name in text} == shown


def test_a_promised_debt_moves_to_its_strip_with_the_reason(s, amina):
    payables.promise(s.old.id, day(2))
    assert "INV-1180" not in amina.get("/debts?state=overdue").text
    assert "Promised for 25 Nov" in amina.get("/debts?state=quiet").text


def test_the_list_is_searched_and_narrowed_to_a_supplier(s, amina):
    assert "INV-2207" in amina.get("/debts?q=nur").text
    assert "INV-1180" not in amina.get("/debts?q=nur").text
    assert "INV-1180" not in amina.get(f"/debts?supplier={s.nur}").text
    assert "No debt is like that" in amina.get("/debts?q=nothing-like-it").text


def test_htmx_gets_the_list_alone(s, amina):
    text = amina.get("/debts?q=nur", headers={"HX-Request": "true"}).text
    assert text.lstrip().startswith('<div id="list">')
    assert "INV-2207" in text and "<html" not in text


def test_the_file_has_the_columns_that_an_import_reads(s, amina):
    payables.settle(s.old.id, Money(100_00), "payment:1")
    answer = amina.get("/debts?state=overdue&format=csv")
    rows = list(csv.DictReader(io.StringIO(answer.data.decode("utf-8-sig"))))
    assert list(rows[0]) == ["supplier", "reference", "issued_on", "due_on", "amount", "paid", "notes"]
    assert rows[0] | {"notes": ""} == {
        "supplier": "Kimani Wholesale",
        "reference": "INV-1180",
        "issued_on": "2026-11-11",
        "due_on": "2026-11-11",
        "amount": "324.00",
        "paid": "100.00",
        "notes": "",
    }
    assert len(rows) == 2
    assert amina.get("/debts?format=xlsx").data.startswith(b"PK")


def test_an_empty_shop_is_told_what_this_page_is_for(app, amina):
    assert "You owe nothing" in amina.get("/debts").text


# --- new --------------------------------------------------------------------------------------------------------------


def _typed(s, **more):
    typed = {"supplier": s.nur, "reference": "INV-9", "issued_on": "2026-11-20", "due_on": "", "amount": "1,250.50"}
    return typed | {"paid": "", "note": ""} | more


def test_a_new_debt_is_due_by_the_suppliers_terms_and_leads_to_its_page(s, amina):
    answer = amina.send("/debts", **_typed(s))
    assert answer.status_code == 303
    debt = payables.get(int(answer.headers["Location"].rsplit("/", 1)[1]))
    assert (debt.amount, debt.due_on.isoformat(), debt.kind) == (Money(125_050), "2026-11-20", "invoice")
    assert "USD 1,250.50 is booked" in amina.get(answer.headers["Location"]).text


def test_what_was_paid_before_makes_it_an_opening_debt(s, amina):
    amina.send("/debts", **_typed(s, paid="250.50"))
    debt = payables.Payable.get(payables.Payable.reference == "INV-9")
    assert (debt.kind, debt.left_to_pay) == ("opening", Money(100_000))


@pytest.mark.parametrize(
    ("typed", "sentence"),
    [
        ({"amount": "12.505"}, "at most 2 decimals"),
        ({"amount": "0"}, "The amount must be more than zero."),
        ({"supplier": ""}, "Choose one from the list."),
        ({"due_on": "2026-11-19"}, "The due date is before the date of the invoice."),
        ({"reference": "inv-2207"}, "INV-2207 is booked already (USD 215.00, due 13 Dec 2026)."),
        ({"paid": "2000"}, "above the amount"),
    ],
)
def test_a_wrong_form_comes_back_with_what_was_typed_and_what_to_mend(s, amina, typed, sentence):
    before = payables.total_owed()
    answer = amina.send("/debts", **_typed(s, note="Keep me", **typed))
    assert answer.status_code == 422
    assert sentence in answer.text and "Keep me" in answer.text
    assert payables.total_owed() == before


def test_a_debt_sent_twice_is_booked_once(s, amina):
    typed = _typed(s, reference="", request_key="the-same-form-twice")
    first, second = amina.send("/debts", **typed), amina.send("/debts", **typed)
    assert first.headers["Location"] == second.headers["Location"]
    assert payables.outstanding(s.nur) == Money(215_00 + 125_050)


# --- one debt ---------------------------------------------------------------------------------------------------------


def test_a_debt_shows_its_state_and_everything_that_happened(s, amina, statements):
    payables.promise(s.old.id, day(2))
    payables.settle(s.old.id, Money(100_00), "payment:7")
    amina.get(f"/debts/{s.old.id}")
    with statements() as asked:
        text = amina.get(f"/debts/{s.old.id}").text
    assert "USD 224 left to pay" in text and "Promised for 25 Nov" in text
    assert text.index("Booked") < text.index("Payment 7") < text.rindex("Promised for 25 Nov")
    assert len(asked) <= 7, asked


@pytest.mark.parametrize(
    ("way", "field", "value", "why"),
    [
        ("snooze", "snoozed_until", "2026-11-30", "snoozed until 30 Nov"),
        ("promise", "promised_on", "2026-11-25", "promised for 25 Nov"),
        ("dispute", "dispute", "half the sacks were wet", "in dispute"),
    ],
)
def test_a_debt_is_made_quiet_and_loud_again(s, amina, way, field, value, why):
    assert amina.send(f"/debts/{s.old.id}/{way}", **{field: value}).status_code == 303
    assert payables.get(s.old.id).why_quiet == why
    assert amina.send(f"/debts/{s.old.id}/{way}", **{field: ""}).status_code == 303
    assert payables.get(s.old.id).why_quiet == ""


def test_a_snooze_into_the_past_is_refused_beside_its_field(s, amina):
    answer = amina.send(f"/debts/{s.old.id}/snooze", snoozed_until="2026-11-23")
    assert answer.status_code == 422
    assert "Choose a day after today." in answer.text and 'value="2026-11-23"' in answer.text


def test_the_owner_voids_a_debt_with_a_reason(s, amina, browser_of):
    path = f"/debts/{s.old.id}/void"
    assert "USD 324.00 to Kimani Wholesale will not be owed any more" in amina.get(f"/debts/{s.old.id}").text
    assert browser_of("wanjiru").send(path, reason="not ours").status_code == 403
    assert amina.send(path, reason=" ").status_code == 422
    assert amina.send(path, reason="not ours").status_code == 303
    assert payables.get(s.old.id).voided_at is not None
    assert "Voided on 23 Nov: not ours" in amina.get(f"/debts/{s.old.id}").text
    assert voids.of(f"payable:{s.old.id}").user_id == 1


def test_a_partly_paid_debt_is_not_voided_and_the_page_says_what_to_do(s, amina):
    payables.settle(s.old.id, Money(1), "payment:7")
    answer = amina.send(f"/debts/{s.old.id}/void", reason="not ours")
    assert answer.status_code == 422
    assert "INV-1180 is partly paid. Void the payment first." in answer.text


def test_an_unknown_debt_is_not_found(s, amina):
    assert amina.get("/debts/99").status_code == 404


def test_the_search_box_finds_a_debt_by_its_number(s, amina, juma):
    assert f"/debts/{s.later.id}" in amina.get("/search?q=2207").text
    assert "INV-2207" not in juma.get("/search?q=2207").text


def test_the_menu_counts_what_is_overdue(s, amina):
    assert '<span class="count">2<' in amina.get("/debts").text
