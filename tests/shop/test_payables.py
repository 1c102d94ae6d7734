"""What is owed to suppliers: booking, settling, what is overdue on which day, who is reminded of what (about 5 s)."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.shop.ledgers import MORNING, TODAY, left, owe, supplier
from tracker import clock, db
from tracker.config import Config
from tracker.errors import NotFound, Refused
from tracker.money import ZERO, Money
from tracker.shop import audit, payables, voids
from tracker.shop import books as check
from tracker.shop.reports import debts


@pytest.fixture(autouse=True)
def _day(books: Config) -> Iterator[None]:
    clock.use("UTC")
    with clock.frozen(MORNING):
        yield


def days(number: int) -> date:
    return TODAY + timedelta(days=number)


# --- owe --------------------------------------------------------------------------------------------------------------


def test_the_due_date_follows_from_the_suppliers_terms() -> None:
    kimani = supplier("Kimani", terms_days=30)
    assert payables.owe(kimani, Money(100), TODAY).due_on == days(30)


def test_a_supplier_without_terms_wants_its_money_at_once() -> None:
    assert payables.owe(supplier(), Money(100), TODAY).due_on == TODAY


def test_a_reference_is_booked_once_per_supplier_whatever_its_capitals() -> None:
    kimani, nur = supplier("Kimani"), supplier("Nur")
    owe(kimani, 50_000, TODAY, "INV-7")
    owe(nur, 50_000, TODAY, "INV-7")
    with pytest.raises(Refused, match=r"Kimani's INV-7 is booked already \(USD 500.00, due 23 Nov 2026\)") as refusal:
        owe(kimani, 10_000, TODAY, " inv-7 ")
    assert refusal.value.field == "reference"


def test_debts_without_a_reference_are_no_duplicates_of_each_other() -> None:
    kimani = supplier()
    owe(kimani, 100, TODAY)
    owe(kimani, 100, TODAY)
    assert payables.outstanding(kimani) == Money(200)


def test_a_voided_debts_reference_may_be_booked_again() -> None:
    kimani = supplier()
    voids.void(owe(kimani, 100, TODAY, "INV-7").document, "wrong amount")
    assert owe(kimani, 150, TODAY, "INV-7").left_to_pay == Money(150)


@pytest.mark.parametrize(
    ("amount", "paid", "due", "field"),
    [
        (0, 0, 0, "amount"),
        (-5, 0, 0, "amount"),
        (100, 101, 0, "paid"),
        (100, -1, 0, "paid"),
        (100, 0, -1, "due_on"),
        (100, 0, 3651, "due_on"),
    ],
)
def test_a_debt_that_makes_no_sense_is_refused_at_its_field(amount: int, paid: int, due: int, field: str) -> None:
    with pytest.raises(Refused) as refusal:
        payables.owe(supplier(), Money(amount), TODAY, days(due), paid=Money(paid))
    assert refusal.value.field == field
    assert not db.rows("SELECT 1 FROM payable")


def test_an_unknown_supplier_is_not_found() -> None:
    with pytest.raises(NotFound):
        payables.owe(99, Money(100), TODAY)


def test_an_opening_debt_remembers_what_was_paid_before_the_books_began() -> None:
    debt = payables.owe(supplier(), Money(1000), days(-40), days(-10), kind="opening", paid=Money(400))
    assert debt.left_to_pay == Money(600)
    assert [(entry.kind, entry.amount.minor) for entry in payables.entries(debt.id)] == [
        ("owe", 1000),
        ("settle", -400),
    ]


def test_the_same_form_sent_twice_books_one_debt() -> None:
    kimani = supplier()
    first = payables.owe(kimani, Money(100), TODAY, key="form-0001")
    again = payables.owe(kimani, Money(100), TODAY, key="form-0001")
    assert first.id == again.id
    assert payables.outstanding() == Money(100)


# --- settle -----------------------------------------------------------------------------------------------------------


def test_39_91_can_be_paid_in_three_parts() -> None:
    debt = owe(supplier(), 3991, TODAY)
    for part in Money(3991).split([1, 1, 1]):
        payables.settle(debt.id, part, "payment:1")
    assert left(debt.id) == 0
    assert not payables.overdue(days(1))


def test_more_than_is_left_is_refused_and_nothing_is_booked() -> None:
    debt = owe(supplier(), 1000, TODAY, "INV-1")
    payables.settle(debt.id, Money(400), "payment:1")
    with pytest.raises(Refused, match=r"Only USD 6.00 is left to pay of INV-1."):
        payables.settle(debt.id, Money(601), "payment:2")
    assert left(debt.id) == 600


def test_a_paid_debt_says_so() -> None:
    debt = owe(supplier(), 1000, TODAY, "INV-1")
    payables.settle(debt.id, Money(1000), "payment:1")
    with pytest.raises(Refused, match="INV-1 is paid already"):
        payables.settle(debt.id, Money(1), "payment:2")


def test_a_payment_settles_the_oldest_debt_first_and_a_disputed_one_last() -> None:
    kimani = supplier()
    disputed, old, young = owe(kimani, 100, days(-9)), owe(kimani, 100, days(-5)), owe(kimani, 100, days(2))
    payables.dispute(disputed.id, "half the sacks were wet")
    parts = payables.settle_oldest_first(kimani, Money(150), "payment:1")
    assert [(part.payable_id, part.amount.minor) for part in parts] == [(old.id, 100), (young.id, 50)]
    assert (left(disputed.id), left(old.id), left(young.id)) == (100, 0, 50)


def test_paying_more_than_a_supplier_is_owed_is_refused_whole() -> None:
    kimani, nur = supplier("Kimani"), supplier("Nur")
    debt = owe(kimani, 100, TODAY)
    with pytest.raises(Refused, match=r"You owe Kimani only USD 1.00."):
        payables.settle_oldest_first(kimani, Money(101), "payment:1")
    with pytest.raises(Refused, match="You owe Nur nothing"):
        payables.settle_oldest_first(nur, Money(1), "payment:1")
    assert left(debt.id) == 100


# --- reverse ----------------------------------------------------------------------------------------------------------


def test_a_reversed_settlement_is_owed_again_and_can_only_be_reversed_once() -> None:
    debt = owe(supplier(), 1000, TODAY)
    payables.settle(debt.id, Money(400), "payment:1")
    assert payables.reverse("payment:1") == 1
    assert left(debt.id) == 1000
    assert payables.reverse("payment:1") == 0
    assert left(debt.id) == 1000


def test_a_reversed_debt_is_voided_with_what_was_paid_before_the_books_began() -> None:
    debt = payables.owe(supplier(), Money(1000), TODAY, kind="opening", paid=Money(400))
    assert payables.reverse(debt.document) == 2
    voided = payables.get(debt.id)
    assert voided.voided_at is not None
    assert voided.left_to_pay == ZERO
    with pytest.raises(Refused, match="voided"):
        payables.settle(debt.id, Money(1), "payment:1")


def test_a_partly_paid_debt_is_not_reversed_before_its_payment() -> None:
    debt = owe(supplier(), 1000, TODAY, "INV-1")
    payables.settle(debt.id, Money(400), "payment:1")
    with pytest.raises(Refused, match=r"INV-1 is partly paid. Void the payment first."):
        payables.reverse(debt.document)
    payables.reverse("payment:1")
    assert payables.reverse(debt.document) == 1


# --- which day is it --------------------------------------------------------------------------------------------------


def test_overdue_is_what_was_due_before_today_and_due_soon_what_is_due_within_seven_days() -> None:
    kimani = supplier()
    debts = {number: owe(kimani, 100, days(number), f"D{number}") for number in (-400, -31, -1, 0, 1, 7, 8)}
    paid = owe(kimani, 100, days(-3), "PAID")
    payables.settle(paid.id, Money(100), "payment:1")
    voids.void(owe(kimani, 100, days(-3), "VOID").document, "not ours")
    assert [debt.reference for debt in payables.overdue(TODAY)] == ["D-400", "D-31", "D-1"]
    assert [debt.reference for debt in payables.due_soon(TODAY, 7)] == ["D0", "D1", "D7"]
    assert [debt.days_late(TODAY) for debt in payables.overdue(TODAY)] == [400, 31, 1]
    assert {debt.id for debt in payables.open_debts(kimani)} == {debt.id for debt in debts.values()}


def test_at_midnight_in_the_shops_zone_due_today_becomes_overdue() -> None:
    clock.use("Africa/Nairobi")
    owe(supplier(), 100, TODAY)
    with clock.frozen(MORNING.replace(hour=20, minute=59)):  # 23:59 in Nairobi
        assert payables.overdue(clock.today()) == []
    with clock.frozen(MORNING.replace(hour=21, minute=0)):
        assert len(payables.overdue(clock.today())) == 1


def test_ageing_counts_due_today_as_not_due_and_adds_up_to_what_is_owed() -> None:
    kimani = supplier()
    for number, amount in ((5, 1), (0, 2), (-1, 4), (-30, 8), (-31, 16), (-60, 32), (-61, 64), (-90, 128), (-91, 256)):
        owe(kimani, amount, days(number))
    owe(supplier("Nur"), 512, days(-2))
    ageing = payables.ageing(TODAY)
    assert [
        part.minor for part in (ageing.not_due, ageing.days_1_30, ageing.days_31_60, ageing.days_61_90, ageing.over_90)
    ] == [3, 4 + 8 + 512, 48, 192, 256]
    assert ageing.total == payables.total_owed()
    assert payables.ageing(TODAY, kimani).days_1_30 == Money(12)


# --- quiet ------------------------------------------------------------------------------------------------------------


def test_a_snoozed_debt_is_quiet_until_its_day() -> None:
    debt = owe(supplier(), 100, days(-3))
    payables.snooze(debt.id, days(2))
    row = payables.overdue(TODAY)[0]
    assert row.why_quiet(TODAY) == "snoozed until 25 Nov"
    assert row.why_quiet(days(1)) == "snoozed until 25 Nov"
    assert row.why_quiet(days(2)) == ""


def test_a_promised_debt_is_quiet_up_to_and_on_the_promised_day() -> None:
    debt = owe(supplier(), 100, days(-3))
    payables.promise(debt.id, days(2))
    row = payables.overdue(TODAY)[0]
    assert row.why_quiet(days(2)) == "promised for 25 Nov"
    assert row.why_quiet(days(3)) == ""


def test_a_dispute_stays_quiet_until_it_is_ended() -> None:
    debt = owe(supplier(), 100, days(-3))
    payables.dispute(debt.id, "half the sacks were wet")
    assert payables.get(debt.id).why_quiet == "in dispute"
    payables.dispute(debt.id, "")
    assert payables.get(debt.id).why_quiet == ""


def test_a_snooze_and_a_promise_can_be_taken_back() -> None:
    debt = owe(supplier(), 100, days(-3))
    payables.snooze(debt.id, days(2))
    payables.promise(debt.id, days(2))
    payables.snooze(debt.id, None)
    payables.promise(debt.id, None)
    assert payables.get(debt.id).why_quiet == ""


def test_a_past_day_to_be_quiet_until_and_a_paid_debt_are_refused() -> None:
    debt = owe(supplier(), 100, days(-3))
    with pytest.raises(Refused, match="after today"):
        payables.snooze(debt.id, TODAY)
    with pytest.raises(Refused, match="today or a later"):
        payables.promise(debt.id, days(-1))
    payables.settle(debt.id, Money(100), "payment:1")
    with pytest.raises(Refused, match="Nothing is left"):
        payables.snooze(debt.id, days(2))


def test_the_reminder_groups_overdue_debts_by_supplier_with_the_oldest_first() -> None:
    kimani, nur, exotic = supplier("Kimani"), supplier("Nur"), supplier("Exotic")
    owe(kimani, 100, days(-3), "K1")
    owe(nur, 200, days(-12), "N1")
    owe(kimani, 400, days(-8), "K2")
    owe(kimani, 50, TODAY, "K3")
    owe(nur, 60, days(7), "N2")
    owe(nur, 70, days(8), "N3")
    payables.promise(owe(exotic, 980, days(-1), "E1").id, days(2))
    payables.dispute(owe(exotic, 990, days(3), "E2").id, "never came")
    found = payables.reminder(TODAY, 7)
    assert [(g.supplier, g.total.minor, [d.reference for d in g.debts]) for g in found.suppliers] == [
        ("Nur", 200, ["N1"]),
        ("Kimani", 500, ["K2", "K1"]),
    ]
    assert (found.total, found.count, found.soon_total) == (Money(700), 3, Money(110))
    assert [debt.reference for debt in found.due_soon] == ["K3", "N2"]
    assert [(debt.reference, why) for debt, why in found.quiet] == [
        ("E1", "promised for 25 Nov"),
        ("E2", "in dispute"),
    ]


def test_what_to_pay_is_summed_by_supplier_and_counts_those_that_are_not_shown() -> None:
    for number in range(1, 8):
        name = supplier(f"Supplier {number}")
        owe(name, 100, days(-number), f"L{number}")
        owe(name, 1, days(-1), f"M{number}")
    payables.snooze(owe(supplier("Quiet"), 1000, days(3), "Q").id, days(5))
    owe(supplier("Soon"), 50, days(7), "S")
    owe(supplier("Later"), 50, days(8), "T")
    due = debts.to_pay(TODAY, 7, most=5)
    assert [(row.supplier, row.state, row.number, row.days_late(TODAY)) for row in due.rows] == [
        *((f"Supplier {number}", "overdue", 2, number) for number in (7, 6, 5, 4, 3)),
        ("Soon", "soon", 1, 0),
        ("Quiet", "quiet", 1, 0),
    ]
    assert due.rows[-1].why == "snoozed until 28 Nov"
    assert {state: (s.total.minor, s.count, s.suppliers) for state, s in due.sums.items()} == {
        "overdue": (707, 14, 7),
        "soon": (50, 1, 1),
        "quiet": (1000, 1, 1),
    }
    assert due.more == 2


def test_everything_that_happened_to_a_debt_stands_in_its_history() -> None:
    debt = owe(supplier(), 100, days(-3))
    with audit.acting(audit.Actor(None, "Amina")):
        payables.promise(debt.id, days(2))
    payables.settle(debt.id, Money(40), "payment:1")
    payables.reverse("payment:1")
    owe(supplier("Nur"), 7, days(-3))
    steps = debts.history(debt.id)
    assert sorted((step.what, step.amount.minor, step.who) for step in steps) == [
        ("debt.promise", 0, "Amina"),
        ("owe", 100, "Finance Tracker"),
        ("reversal", 40, "Finance Tracker"),
        ("settle", -40, "Finance Tracker"),
    ]
    assert [step.day for step in steps if step.what == "debt.promise"] == [days(2)]


def test_the_four_strips_hold_each_open_debt_once() -> None:
    kimani = supplier("Kimani")
    for number in (-2, 0, 7, 8):
        owe(kimani, 100, days(number), f"D{number}")
    payables.snooze(owe(kimani, 1000, days(-2), "Q").id, days(9))
    sums = payables.sums(TODAY, 7)
    assert {state: (s.total.minor, s.count) for state, s in sums.items()} == {
        "overdue": (100, 1),
        "soon": (200, 2),
        "later": (100, 1),
        "quiet": (1000, 1),
        "": (1400, 5),
    }
    for state, expected in {"overdue": ["D-2"], "soon": ["D0", "D7"], "later": ["D8"], "quiet": ["Q"]}.items():
        assert [debt.reference for debt in payables.by_supplier(state, TODAY, 7)] == expected


def test_the_list_finds_by_supplier_and_reference_and_shows_what_is_paid() -> None:
    kimani, nur = supplier("Kimani Wholesale"), supplier("Nur Traders")
    owe(kimani, 100, days(-2), "INV-1180")
    paid = owe(nur, 100, days(-2), "INV-2207")
    owe(nur, 100, days(-9), "INV-2208")
    payables.settle(paid.id, Money(100), "payment:1")
    assert [d.reference for d in payables.by_supplier("", TODAY)] == ["INV-2208", "INV-1180"]
    assert [d.reference for d in payables.by_supplier("", TODAY, search="KIMANI")] == ["INV-1180"]
    assert [d.reference for d in payables.by_supplier("", TODAY, search="2208")] == ["INV-2208"]
    assert [d.reference for d in payables.by_supplier("", TODAY, supplier_id=kimani)] == ["INV-1180"]
    assert [d.reference for d in payables.by_supplier("paid", TODAY)] == ["INV-2207"]
    assert [d.reference for d in payables.by_supplier("", TODAY, limit=1, offset=1)] == ["INV-1180"]


# --- speed and truth --------------------------------------------------------------------------------------------------


def _ten_thousand() -> None:
    with db.write():
        db.books.execute_sql(
            """WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 500)
            INSERT INTO supplier (name, name_key, created_at)
            SELECT 'S' || i, 's' || i, '2026-01-01T00:00:00.000Z' FROM n"""
        )
        db.books.execute_sql(
            """WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 10000)
            INSERT INTO payable (supplier_id, kind, issued_on, due_on, amount, left_to_pay, created_at)
            SELECT 1 + i % 500, 'invoice', '2025-01-01', date('2026-06-01', '+' || (i % 400) || ' days'), 100 + i,
                CASE WHEN i % 5 = 0 THEN 100 + i ELSE 0 END, '2026-01-01T00:00:00.000Z' FROM n"""
        )
        db.books.execute_sql("ANALYZE")


def test_at_ten_thousand_debts_the_reminder_is_one_scan_of_the_partial_index() -> None:
    _ten_thousand()
    statements: list[str] = []
    db.books.connection().set_trace_callback(statements.append)
    found = payables.reminder(TODAY, 7)
    db.books.connection().set_trace_callback(None)
    assert found.count > 500
    assert len(statements) == 1
    plan = " ".join(row[3] for row in db.rows(f"EXPLAIN QUERY PLAN {statements[0]}"))
    assert "SEARCH p USING INDEX payable_due (due_on<?)" in plan
    assert "ANY(" not in plan


@pytest.mark.parametrize(
    "question",
    [
        lambda: debts.to_pay(TODAY),
        lambda: payables.sums(TODAY),
        lambda: payables.overdue(TODAY),
        lambda: payables.by_supplier("overdue", TODAY, limit=51),
        lambda: payables.open_debts(7),
    ],
)
def test_at_ten_thousand_debts_the_pages_read_only_what_is_open(question: object) -> None:
    _ten_thousand()
    statements: list[str] = []
    db.books.connection().set_trace_callback(statements.append)
    question()  # type: ignore[operator]
    db.books.connection().set_trace_callback(None)
    assert len(statements) == 1
    plan = " ".join(row[3] for row in db.rows(f"EXPLAIN QUERY PLAN {statements[0]}"))
    assert "INDEX payable_" in plan
    assert "ANY(" not in plan


@pytest.mark.parametrize(
    "question", [payables.total_owed, lambda: payables.ageing(TODAY), lambda: payables.outstanding(7)]
)
def test_the_sums_read_only_a_covering_index(question: object) -> None:
    _ten_thousand()
    statements: list[str] = []
    db.books.connection().set_trace_callback(statements.append)
    question()  # type: ignore[operator]
    db.books.connection().set_trace_callback(None)
    plan = " ".join(row[3] for row in db.rows(f"EXPLAIN QUERY PLAN {statements[0]}"))
    assert "COVERING INDEX payable_" in plan
    assert "ANY(" not in plan


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    amounts=st.lists(st.integers(1, 10**9), min_size=1, max_size=5),
    steps=st.lists(
        st.tuples(st.sampled_from(["one", "oldest", "undo"]), st.integers(0, 4), st.integers(1, 10**9)), max_size=12
    ),
)
def test_whatever_is_paid_and_taken_back_left_is_amount_minus_payments(
    amounts: list[int], steps: list[tuple[str, int, int]]
) -> None:
    with pytest.raises(ZeroDivisionError), db.write():  # rolled back, so that each example starts afresh
        kimani = supplier()
        debts = [owe(kimani, amount, days(-index)).id for index, amount in enumerate(amounts)]
        stands: dict[str, int] = {}
        for number, (what, which, amount) in enumerate(steps):
            source = f"payment:{number}"
            try:
                if what == "one":
                    payables.settle(debts[which % len(debts)], Money(amount), source)
                    stands[source] = amount
                elif what == "oldest":
                    payables.settle_oldest_first(kimani, Money(amount), source)
                    stands[source] = amount
                elif stands:
                    undone = sorted(stands)[which % len(stands)]
                    payables.reverse(undone)
                    del stands[undone]
            except Refused:
                continue
            assert payables.outstanding(kimani).minor == sum(amounts) - sum(stands.values())
            assert all(0 <= left(debt) <= owed for debt, owed in zip(debts, amounts, strict=True))
        assert [fault for fault in check._payables(db.rows)] == []
        raise ZeroDivisionError
