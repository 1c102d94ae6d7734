"""What goods are worth: moving average in booking order, exact to the cent, nothing swallowed.

How goods are valued. A product has a quantity Q and a value V; one unit is worth V/Q.
- In (opening, receipt): V grows by what was paid.
- Out (issue, adjustment down): takes V x q / Q, rounded once; whoever takes the last unit takes all of V that is left.
- Below zero, which only `allow_negative_stock` permits: what is not there is taken at the product's last known cost, so
  Q and V are both negative: a hole. Goods that come in fill the hole at the value it was booked with; what they cost
  more or less is posted as a residue, so that the goods that remain are worth what was paid for them.
- A reversal moves exactly the quantity and value of the original, back. Where this leaves a value without goods, or one
  of the other sign than the quantity, a residue brings the value to what the rest is worth at the last known cost.
So V is 0 whenever Q is 0, and no difference is ever swallowed: residues are rows (quantity 0) like all others.
"""

from __future__ import annotations

from tracker import numerals
from tracker.money import ZERO, Money
from tracker.quantity import PLACES, Quantity
from tracker.quantity import ZERO as ZERO_QUANTITY
from tracker.shop.products import Product

ONE = 10**PLACES  # thousandths in a unit


def worth(unit_cost: Money, amount: Quantity) -> Money:
    """What so much costs at this cost of one unit, rounded once."""
    return unit_cost.share(amount.thousandths, ONE)


def unit_cost(value: Money, amount: Quantity) -> Money:
    """What one of them cost, rounded once."""
    return Money(numerals.divide(value.minor * ONE, amount.thousandths))


def at_cost(product: Product, amount: Quantity) -> Money:
    """What so much is worth at the last known cost."""
    return worth(product.cost, amount)


def taken(product: Product, amount: Quantity) -> Money:
    """What is taken out of the stock's value with so much goods."""
    there = max(product.on_hand, ZERO_QUANTITY)
    if amount <= there:
        return product.stock_value.share(amount.thousandths, there.thousandths)
    return (product.stock_value if there else ZERO) + at_cost(product, amount - there)


def found(product: Product, amount: Quantity) -> Money:
    """Goods that a count found are worth what their like are worth, else the last known cost."""
    if product.on_hand.thousandths > 0:
        return product.stock_value.share(amount.thousandths, product.on_hand.thousandths)
    return at_cost(product, amount)


def settled(product: Product, before: tuple[Quantity, Money], amount: Quantity, value: Money, exact: bool) -> Money:
    """What the goods are worth after the movement, by the rules at the top."""
    old, left = before[0].thousandths, product.on_hand.thousandths
    if left == 0:
        return ZERO
    if old < 0 < amount.thousandths and not exact:
        return before[1].share(left, old) if left < 0 else value.share(left, amount.thousandths)
    if (left > 0) != (product.stock_value.minor > 0) and product.stock_value:
        return at_cost(product, product.on_hand)
    return product.stock_value
