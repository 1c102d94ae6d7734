"""Suppliers: one name each, found by name or code, archived not deleted. Quick: 2 s."""

from __future__ import annotations

import pytest

from tracker.errors import NotFound, Refused
from tracker.money import ZERO
from tracker.shop import audit, suppliers

pytestmark = pytest.mark.usefixtures("books")


def test_a_supplier_keeps_what_was_written() -> None:
    nur = suppliers.add("  Nur   Dairy ", "ND", phone="0733 905 224", email="nur@example.org", terms_days=14)
    found = suppliers.get(nur.id)
    assert (found.name, found.code, found.phone, found.terms_days) == ("Nur Dairy", "ND", "0733 905 224", 14)
    assert found.archived_at is None


def test_it_is_found_by_code_first_and_by_name_whatever_the_capitals() -> None:
    kimani = suppliers.add("Kimani Wholesale", "KIM")
    nur = suppliers.add("kim", "ND")
    assert suppliers.find("KIM").id == kimani.id  # the code wins over the other's name
    assert suppliers.find("kimani  WHOLESALE").id == kimani.id
    assert suppliers.find("nd").id == nur.id
    assert suppliers.find("Kimani") is None
    assert suppliers.find("  ") is None


@pytest.mark.parametrize(
    ("fields", "at"),
    [
        ({"name": "KIMANI wholesale"}, "name"),
        ({"name": "Other", "code": "kim"}, "code"),
        ({"name": " "}, "name"),
        ({"name": "Other", "email": "not an address"}, "email"),
        ({"name": "Other", "terms_days": -1}, "terms_days"),
        ({"name": "Other", "terms_days": 4000}, "terms_days"),
    ],
)
def test_what_is_taken_or_makes_no_sense_is_refused_at_its_field(fields: dict, at: str) -> None:
    suppliers.add("Kimani Wholesale", "KIM")
    with pytest.raises(Refused) as refused:
        suppliers.add(**fields)
    assert refused.value.field == at
    assert len(suppliers.listing()) == 1


def test_two_suppliers_may_have_no_code() -> None:
    suppliers.add("Kimani")
    suppliers.add("Nur")
    assert [row.name for row in suppliers.listing()] == ["Kimani", "Nur"]


def test_an_edit_changes_only_what_is_given_and_may_keep_its_own_name() -> None:
    nur = suppliers.add("Nur", "N", phone="1")
    suppliers.edit(nur.id, name="NUR", phone="2")
    found = suppliers.get(nur.id)
    assert (found.name, found.code, found.phone) == ("NUR", "N", "2")
    assert [entry.action for entry in audit.of(f"supplier:{nur.id}")] == ["supplier.edit", "supplier.add"]


def test_an_edit_that_changes_nothing_leaves_no_trace() -> None:
    nur = suppliers.add("Nur")
    suppliers.edit(nur.id, name="Nur", phone="")
    assert len(audit.of(f"supplier:{nur.id}")) == 1


def test_archived_suppliers_leave_the_list_and_the_choices_but_are_found() -> None:
    nur = suppliers.add("Nur")
    kimani = suppliers.add("Kimani")
    suppliers.archive(nur.id)
    suppliers.archive(nur.id)
    assert [row.id for row in suppliers.listing()] == [kimani.id]
    assert [row.id for row in suppliers.listing(show="archived")] == [nur.id]
    assert suppliers.choices() == [(kimani.id, "Kimani")]
    assert suppliers.choices(keep=nur.id) == [(kimani.id, "Kimani"), (nur.id, "Nur")]
    assert suppliers.find("nur").id == nur.id
    with pytest.raises(Refused, match="in the archive"):
        suppliers.add("NUR")
    suppliers.unarchive(nur.id)
    assert len(suppliers.listing()) == 2


def test_nobody_has_that_number() -> None:
    with pytest.raises(NotFound):
        suppliers.get(7)
    with pytest.raises(NotFound):
        suppliers.edit(7, name="Nobody")
    with pytest.raises(NotFound):
        suppliers.archive(7)


def test_a_list_is_searched_sorted_and_cut() -> None:
    for name, code in (("Nur", "b"), ("Kimani", "c"), ("Otieno", "a")):
        suppliers.add(name, code, contact=f"Mr {name}")
    assert [row.name for row in suppliers.listing(search="KIM")] == ["Kimani"]
    assert [row.name for row in suppliers.listing(search="mr o")] == ["Otieno"]
    assert suppliers.listing(search="%") == []
    assert [row.name for row in suppliers.listing(sort="code")] == ["Otieno", "Nur", "Kimani"]
    assert [row.name for row in suppliers.listing(sort="name", descending=True)] == ["Otieno", "Nur", "Kimani"]
    assert [row.name for row in suppliers.listing(limit=1, offset=1)] == ["Nur"]
    assert [row.name for row in suppliers.listing(sort="nonsense", limit=1)] == ["Kimani"]


def test_the_figures_above_the_list_count_what_matches_and_what_there_is() -> None:
    suppliers.add("Nur")
    suppliers.archive(suppliers.add("Kimani").id)
    totals = suppliers.totals(search="nur")
    assert (totals.found, totals.active, totals.archived, totals.owed, totals.owed_sum) == (1, 1, 1, 0, ZERO)
    assert suppliers.owed(1) == (0, ZERO)
