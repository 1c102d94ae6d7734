"""Quantities: exact thousandths, as many decimals as the unit allows. Budget: 2 s."""

from __future__ import annotations

import pytest

from tracker import quantity
from tracker.errors import Refused
from tracker.quantity import Quantity


@pytest.mark.parametrize(
    ("typed", "decimals", "thousandths"), [("12", 0, 12000), ("1.25", 3, 1250), ("0.5", 1, 500), ("1,250", 0, 1250000)]
)
def test_a_quantity_is_read_exactly(typed: str, decimals: int, thousandths: int) -> None:
    assert Quantity.parse(typed, decimals) == Quantity(thousandths)


@pytest.mark.parametrize(("typed", "decimals"), [("1.5", 0), ("1.2345", 3), ("", 0), ("4006381333931", 0), ("½", 0)])
def test_what_the_unit_does_not_allow_is_refused(typed: str, decimals: int) -> None:
    with pytest.raises(Refused):
        Quantity.parse(typed, decimals)


def test_zeros_at_the_end_are_not_written() -> None:
    assert [str(Quantity(q)) for q in (1250, 12000, 1250000, -500, 0)] == ["1.25", "12", "1,250", "-0.5", "0"]
    assert Quantity(1250000).plain() == "1250"


def test_pieces_are_just_counted() -> None:
    assert (Quantity.of(17).with_unit("piece"), Quantity(1250).with_unit("kg")) == ("17", "1.25 kg")


def test_more_than_nothing_is_wanted() -> None:
    assert quantity.positive(Quantity(1)) == Quantity(1)
    with pytest.raises(Refused):
        quantity.positive(Quantity(0))
