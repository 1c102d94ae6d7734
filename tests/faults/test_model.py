"""Stock, debts, payments, cash and voids in any order, beside a model of a few lines; checked after every step (F26).

2,000 steps, about 25 s; TRACKER_MODEL_STEPS=200000 makes it the long version, TRACKER_TEST_SEED repeats a run.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import seed as with_seed
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from tracker.config import Config
from tracker.errors import NotFound, Refused
from tracker.money import Money
from tracker.quantity import Quantity
from tracker.shop import books as check
from tracker.shop import cash, payables, payments, products, stock, suppliers, voids

STEPS = int(os.environ.get("TRACKER_MODEL_STEPS", "2000"))
A_RUN = 50
TODAY = date(2026, 11, 23)
AMOUNTS = st.one_of(st.integers(1, 5_000), st.sampled_from([0, 1, 10**15, 10**15 + 1, -5]))
WHICH = st.integers(0, 11)
numbers = iter(range(10**9))


@dataclass
class Debt:
    id: int
    due: int
    amount: int
    left: int
    is_voided: bool = False


@dataclass
class Paid:
    """A document that can be voided: what it took out of which account, and what it settled."""

    document: str
    moves: dict[int, int]
    parts: dict[int, int] = field(default_factory=dict)
    is_voided: bool = False


class Shop(RuleBasedStateMachine):
    """One supplier, a till, a bank and a product of its own for each run; the books are the same for all."""

    def __init__(self) -> None:
        super().__init__()
        mark = next(numbers)
        self.supplier = int(suppliers.add(f"Supplier {mark}").id)
        self.till = int(cash.add_account(f"Till {mark}", "till").id)
        self.bank = int(cash.add_account(f"Bank {mark}", "bank").id)
        self.product = int(products.add(f"P{mark}", "Anything", unit_decimals=3, cost=Money(777)).id)
        self.held = {self.till: 0, self.bank: 0}
        self.debts: list[Debt] = []
        self.papers: list[Paid] = []
        self.moved: list[list[int]] = []  # number, quantity, 1 when it stands
        self.on_hand = 0

    def agree(self, do: Callable[[], Any], may: bool) -> Any:
        """The books do it exactly when the model says that they may."""
        try:
            done = do()
        except (Refused, NotFound) as no:
            assert not may, f"the books refused what they should do: {no.message}"
            return None
        assert may, "the books did what they should refuse"
        return done

    # --- debts and payments -------------------------------------------------------------------------------------------

    @rule(amount=AMOUNTS, days=st.integers(-40, 40), paid=st.sampled_from([0, 0, 0, 1, 100]))
    def owe(self, amount: int, days: int, paid: int) -> None:
        due = TODAY + timedelta(days=days)
        may = amount > 0 and paid <= amount
        debt = self.agree(lambda: payables.owe(self.supplier, Money(amount), due, due, paid=Money(paid)), may)
        if debt:
            self.debts.append(Debt(debt.id, days, amount, amount - paid))

    @rule(amount=AMOUNTS, from_bank=st.booleans())
    def pay_the_oldest_first(self, amount: int, from_bank: bool) -> None:
        account = self.bank if from_bank else self.till
        may = 0 < amount <= sum(debt.left for debt in self.debts) and self.has(account, amount)
        made = self.agree(lambda: payments.record(self.supplier, account, Money(amount), TODAY - timedelta(9)), may)
        if made:
            paper, rest = Paid(f"payment:{made.id}", {account: -amount}), amount
            for debt in sorted(self.debts, key=lambda one: (one.due, one.id)):
                part = min(rest, debt.left)
                if part:
                    paper.parts[debt.id] = part
                    debt.left -= part
                    rest -= part
            self.held[account] -= amount
            self.papers.append(paper)

    @rule(which=WHICH, amount=AMOUNTS)
    def pay_one(self, which: int, amount: int) -> None:
        if self.debts:
            debt = self.debts[which % len(self.debts)]
            may = 0 < amount <= debt.left
            day = TODAY - timedelta(9)
            parts = {debt.id: Money(amount)}
            made = self.agree(lambda: payments.record(self.supplier, self.bank, Money(amount), day, parts=parts), may)
            if made:
                debt.left -= amount
                self.held[self.bank] -= amount
                self.papers.append(Paid(f"payment:{made.id}", {self.bank: -amount}, {debt.id: amount}))

    @rule(which=WHICH)
    def void_a_debt(self, which: int) -> None:
        if self.debts:
            debt = self.debts[which % len(self.debts)]
            is_paid = any(debt.id in paper.parts for paper in self.papers if not paper.is_voided)
            if self.agree(lambda: voids.void(f"payable:{debt.id}", "wrong"), not debt.is_voided and not is_paid):
                debt.is_voided, debt.left = True, 0

    @rule(which=WHICH)
    def void_a_paper(self, which: int) -> None:
        if self.papers:
            paper = self.papers[which % len(self.papers)]
            may = not paper.is_voided and all(self.has(account, moved) for account, moved in paper.moves.items())
            if self.agree(lambda: voids.void(paper.document, "wrong"), may):
                paper.is_voided = True
                for account, moved in paper.moves.items():
                    self.held[account] -= moved
                for debt in self.debts:
                    debt.left += paper.parts.get(debt.id, 0)

    # --- cash ---------------------------------------------------------------------------------------------------------

    def has(self, account: int, amount: int) -> bool:
        return account == self.bank or self.held[account] >= amount

    @rule(amount=AMOUNTS, at_bank=st.booleans(), comes=st.booleans())
    def move_money(self, amount: int, at_bank: bool, comes: bool) -> None:
        account = self.bank if at_bank else self.till
        post = cash.take if comes else cash.pay_out
        may = amount > 0 and (comes or self.has(account, amount))
        entry = self.agree(lambda: post(account, Money(amount), on=TODAY), may)
        if entry:
            self.held[account] += amount if comes else -amount
            self.papers.append(Paid(f"cash:{entry.id}", {account: amount if comes else -amount}))

    @rule(amount=AMOUNTS, to_bank=st.booleans())
    def transfer(self, amount: int, to_bank: bool) -> None:
        source, target = (self.till, self.bank) if to_bank else (self.bank, self.till)
        entry = self.agree(
            lambda: cash.transfer(source, target, Money(amount)), amount > 0 and self.has(source, amount)
        )
        if entry:
            self.held[source] -= amount
            self.held[target] += amount
            self.papers.append(Paid(f"cash:{entry.id}", {source: -amount, target: amount}))

    # --- goods --------------------------------------------------------------------------------------------------------

    @rule(amount=st.integers(-3, 90_000), cents=st.integers(0, 50_000))
    def receive(self, amount: int, cents: int) -> None:
        self.book(lambda: stock.receive(self.product, Quantity(amount), Money(cents)), amount, amount > 0)

    @rule(amount=st.integers(1, 60_000))
    def lose(self, amount: int) -> None:
        may = amount <= self.on_hand
        self.book(lambda: stock.adjust(self.product, Quantity(-amount), "theft"), -amount, may)

    @rule(amount=st.integers(-2, 60_000))
    def count(self, amount: int) -> None:
        if amount != self.on_hand:
            difference = amount - self.on_hand
            self.book(lambda: stock.count(self.product, Quantity(amount)), difference, amount >= 0)

    @rule(which=WHICH)
    def void_a_movement(self, which: int) -> None:
        if self.moved:
            moved = self.moved[which % len(self.moved)]
            may = moved[2] == 1 and (moved[1] < 0 or moved[1] <= self.on_hand)
            if self.agree(lambda: voids.void(f"stock:{moved[0]}", "wrong"), may):
                moved[2] = 0
                self.on_hand -= moved[1]

    def book(self, do: Callable[[], Any], amount: int, may: bool) -> None:
        movement = self.agree(do, may)
        if movement:
            self.on_hand += amount
            self.moved.append([movement.id, amount, 1])

    # --- after every step ---------------------------------------------------------------------------------------------

    @invariant()
    def the_books_say_what_the_model_says(self) -> None:
        assert {number: cash.balance(number).minor for number in self.held} == self.held
        assert {debt.id: payables.get(debt.id).left_to_pay.minor for debt in self.debts} == {
            debt.id: debt.left for debt in self.debts
        }
        assert products.get(self.product).on_hand == Quantity(self.on_hand)
        assert check.verify(thorough=False) == []


@pytest.mark.timeout(120 + STEPS // 20)
def test_the_books_do_what_the_model_does(books: Config, seed: int) -> None:
    how = settings(
        max_examples=max(1, STEPS // A_RUN),
        stateful_step_count=A_RUN,
        deadline=None,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    run_state_machine_as_test(with_seed(seed)(Shop), settings=how)
    assert check.verify() == []
