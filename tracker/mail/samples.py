"""A believable context for each mail: for previews, for the tests, and as the written form of what a context holds."""

from __future__ import annotations

from typing import Any


def sample_context(kind: str) -> dict[str, Any]:
    """What the outbox stores for a mail of this kind: money in minor units, quantities in thousandths."""
    return _SAMPLES[kind]()


def _debt(number: int, reference: str, amount: int, left: int, due_on: str, days_late: int) -> dict[str, Any]:
    return {
        "id": number, "reference": reference, "amount": amount, "left": left, "due_on": due_on, "days_late": days_late,
    }  # fmt: skip


def _debt_reminder() -> dict[str, Any]:
    return {
        "person": "Amina",
        "today": "2026-11-23",
        "suppliers": [
            {
                "supplier": "Kimani Wholesale", "supplier_id": 4, "phone": "+254 722 410 118", "total": 6_140_000,
                "debts": [
                    _debt(31, "INV-1041", 4_500_000, 4_500_000, "2026-11-11", 12),
                    _debt(36, "INV-1067", 3_000_000, 1_640_000, "2026-11-20", 3),
                ],
            },
            {
                "supplier": "Nur Dairy & Cold Store", "supplier_id": 9, "phone": "0733 905 224", "total": 2_500_050,
                "debts": [_debt(33, "2026/118", 2_500_050, 2_500_050, "2026-11-22", 1)],
            },
        ],
        "total": 8_640_050,
        "count": 3,
        "due_soon_days": 7,
        "due_soon": [
            {"supplier": "Rift Valley Millers", "reference": "RV-8812", "left": 900_000, "due_on": "2026-11-23"},
            {"supplier": "Kimani Wholesale", "reference": "INV-1080", "left": 1_275_000, "due_on": "2026-11-28"},
        ],
        "due_soon_total": 2_175_000,
        "quiet_count": 2,
    }  # fmt: skip


def _row(number: int, sku: str, name: str, unit: str, on_hand: int, level: int, **more: Any) -> dict[str, Any]:
    return {
        "id": number, "sku": sku, "name": name, "unit": unit, "on_hand": on_hand, "reorder_level": level, "on_order": 0,
        "suggested": 0, "supplier": None, "expected_on": None, "snoozed_until": None, **more,
    }  # fmt: skip


def _reorder_alert() -> dict[str, Any]:
    return {
        "person": "Amina",
        "today": "2026-11-23",
        "count": 7,
        "sold_out": [
            _row(5, "SUG-002", "Sugar, 2 kg", "bag", 0, 20_000, suggested=60_000, supplier="Kimani Wholesale"),
            _row(31, "GOR-031", "Gorgonzola Telino", "pcs", 0, 20_000, suggested=40_000, supplier="Formaggi Fortini"),
        ],
        "new": [
            _queso(),
            _row(2, "CHA-002", "Chang, 24 bottles of 12 oz", "crate", 17_000, 25_000, suggested=8_000, on_order=4_000,
                 supplier="Exotic Liquids", expected_on="2026-11-26"),
        ],
        "still_low": [
            _row(43, "IPO-043", "Ipoh Coffee", "tin", 17_000, 25_000, suggested=18_000, supplier="Leka Trading"),
        ],
        "ordered": [
            _row(45, "ROG-045", "Rogede sild", "jar", 5_000, 15_000, on_order=70_000, supplier="Lyngbysild",
                 expected_on="2026-12-01"),
        ],
        "later": [
            _row(66, "LOU-066", "Louisiana Hot Spiced Okra", "jar", 4_000, 20_000, suggested=16_000,
                 supplier="New Orleans Cajun Delights", snoozed_until="2026-12-07"),
        ],
    }  # fmt: skip


def _low_stock_notification() -> dict[str, Any]:
    return {"person": "Amina", "today": "2026-11-23", "products": [_queso()]}


def _queso() -> dict[str, Any]:
    return _row(11, "QUE-011", "Queso Cabrales", "kg", 2_250, 3_000, suggested=7_750, supplier="Nur Dairy & Cold Store")


def _new_account() -> dict[str, Any]:
    return {
        "person": "Juma", "user_name": "juma", "role": "Cashier", "invited_by": "Amina",
        "link": "http://192.168.1.20:8000/password/reset/sample", "expires_at": "2026-11-26T05:00:00.000Z",
    }  # fmt: skip


def _reset_password() -> dict[str, Any]:
    return {
        "person": "Juma", "user_name": "juma", "minutes": 20,
        "link": "http://192.168.1.20:8000/password/reset/sample",
    }  # fmt: skip


def _test_email() -> dict[str, Any]:
    return {"person": "Amina", "address": "amina@example.org", "sent_by": "Amina", "at": "2026-11-23T05:00:00.000Z"}


_SAMPLES = {
    "debt_reminder": _debt_reminder,
    "reorder_alert": _reorder_alert,
    "low_stock_notification": _low_stock_notification,
    "new_account": _new_account,
    "reset_password": _reset_password,
    "test_email": _test_email,
}
