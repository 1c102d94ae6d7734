"""A shop of any size, the same for the same seed: filled by SQL alone, obeying every CHECK, so that its books add up.

For N products: N/20 suppliers, 4N stock movements, N debts (a fifth overdue, half of those part-paid; a fifth open and
not due; the rest paid), 10N notices (six of ten read and older than 30 days), N/10 mails. Three of a hundred products
are at or below their level.
"""

from __future__ import annotations

import time
from datetime import timedelta

from tracker import clock, db
from tracker.config import Config
from tracker.ops import startup
from tracker.shop import cash, set_up, settings, users

SEED = 42
PASSWORD = "mango-verandah-seventeen"
LOW_EVERY = 33
ADJECTIVES = (
    "Amber", "Bitter", "Bright", "Brown", "Coarse", "Crisp", "Dark", "Dried", "Early", "Fine", "Fresh", "Golden",
    "Green", "Heavy", "Iron", "Ivory", "Jasmine", "Light", "Long", "Mild", "Mountain", "Old", "Plain", "Red", "Ripe",
    "River", "Salted", "Silver", "Smoked", "Soft", "Spiced", "Steel", "Sunny", "Sweet", "Tall", "Tin", "Warm", "White",
    "Wild", "Young",
)  # fmt: skip
NOUNS = (
    "Almond", "Basket", "Batter", "Bean", "Bolt", "Bread", "Brush", "Bucket", "Butter", "Candle", "Chisel", "Coffee",
    "Comb", "Cup", "Flour", "Garlic", "Ginger", "Hammer", "Hinge", "Honey", "Jug", "Kettle", "Ladle", "Lamp", "Lemon",
    "Lentil", "Maize", "Mango", "Millet", "Nail", "Needle", "Onion", "Paint", "Pepper", "Plate", "Pump", "Rice", "Rope",
    "Salt", "Screw", "Soap", "Spoon", "Sugar", "Tape", "Tea", "Thread", "Towel", "Twine", "Vinegar", "Wire",
)  # fmt: skip


def build(config: Config, products: int, seed: int = SEED, analyze: bool = True) -> float:
    """Open a new shop and fill it. Returns the seconds it took; the shop stays open in this process."""
    began = time.perf_counter()
    startup.open_shop(config)
    owner = set_up.Owner("Amina", "amina", PASSWORD, "amina@shop.example")
    set_up.run(owner, "Amina's Shop", "KE")
    users.add("baraka", "Baraka", "admin", "baraka@shop.example")
    users.add("juma", "Juma", "cashier")
    settings.change(smtp_host="127.0.0.1", smtp_port=2525, smtp_tls="plain", smtp_from="shop@shop.example")
    fill(products, seed)
    if analyze:
        db.books.execute_sql("ANALYZE")
    db.books.execute_sql("PRAGMA wal_checkpoint(TRUNCATE)")
    return time.perf_counter() - began


def fill(products: int, seed: int = SEED) -> None:
    """Put the goods, debts and notices into books that are set up and otherwise empty."""
    values = {
        "n": products,
        "suppliers": max(10, products // 20),
        "now": db.instant_text(clock.now()),
        "long_ago": db.instant_text(clock.now() - timedelta(days=400)),
        "today": clock.today().isoformat(),
        "bank": next(account.id for account in cash.balances() if account.kind == "bank"),
    }
    db.books.execute_sql("PRAGMA synchronous = OFF")
    with db.write():
        for sql in _statements(seed):
            used = {name: value for name, value in values.items() if f":{name}" in sql}
            db.books.execute_sql(sql, used)
    db.books.execute_sql("PRAGMA synchronous = FULL")


def _random(number: str, salt: int, below: int, seed: int) -> str:
    """SQL for a number from 0 to `below` - 1 that looks random and is the same each time."""
    mixed = f"(({number} * 48271 + {salt * 7919 + seed}) % 2147483647 * 69621 + {salt}) % 2147483647"
    return f"(({mixed}) / 7 % {below})"


def _statements(seed: int) -> list[str]:
    def r(salt: int, below: int, number: str = "i") -> str:
        return _random(number, salt, below, seed)

    words = ", ".join(f"({place}, '{word}')" for place, word in enumerate(ADJECTIVES))
    things = ", ".join(f"({place}, '{word}')" for place, word in enumerate(NOUNS))
    return [
        "CREATE TEMP TABLE number (i INTEGER PRIMARY KEY)",
        "INSERT INTO number WITH RECURSIVE c(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM c WHERE i < 10 * :n)"
        " SELECT i FROM c",
        f"CREATE TEMP TABLE adjective AS SELECT column1 AS place, column2 AS word FROM (VALUES {words})",
        f"CREATE TEMP TABLE noun AS SELECT column1 AS place, column2 AS word FROM (VALUES {things})",
        *_goods(r),
        *_debts(r),
        *_messages(r),
        *(f"DROP TABLE temp.{name}" for name in ("number", "adjective", "noun")),
    ]


def _goods(r) -> list[str]:  # type: ignore[no-untyped-def]
    low, quantity = f"i % {LOW_EVERY} = 0", "(1 + " + r(9, 5) + ") * 1000"
    return [
        "INSERT INTO category (id, name, name_key) SELECT i, 'Shelf ' || i, 'shelf ' || i FROM number WHERE i <= 40",
        """INSERT INTO supplier (id, name, name_key, phone, email, terms_days, created_at)
            SELECT i, printf('Supplier %05d', i), printf('supplier %05d', i), printf('+254 700 %06d', i),
                'supplier' || i || '@goods.example', 30, :long_ago FROM number WHERE i <= :suppliers""",
        f"""INSERT INTO product (id, sku, sku_key, name, name_key, barcode, category_id, supplier_id, cost, price,
                reorder_level, on_hand, stock_value, low_told_on, snoozed_until, created_at, archived_at)
            SELECT i, sku, lower(sku), name, lower(name), printf('2%012d', i), 1 + {r(1, 40)},
                CASE WHEN i % 50 = 3 THEN NULL ELSE 1 + {r(2, 1)} + i % :suppliers END, cost, cost * 3 / 2,
                CASE WHEN i % {LOW_EVERY} = 5 THEN NULL ELSE level END, on_hand, on_hand / 1000 * cost,
                CASE WHEN i % 66 = 0 THEN date(:today, '-1 day') END,
                CASE WHEN i % 165 = 0 THEN date(:today, '+3 days') END,
                :long_ago, CASE WHEN i % 50 = 7 AND NOT {low} THEN :now END
            FROM (SELECT i, sku, name, cost, level * 1000 AS level,
                    1000 * CASE WHEN {low} THEN level * {r(3, 4)} / 4 ELSE level + 1 + {r(4, 200)} END AS on_hand
                FROM (SELECT i, printf('SKU-%06d', i) AS sku, a.word || ' ' || b.word || ' ' || i AS name,
                        50 + {r(5, 5000)} AS cost, 5 + {r(6, 46)} AS level
                    FROM number JOIN temp.adjective a ON a.place = {r(7, 40)} JOIN temp.noun b ON b.place = {r(8, 50)}
                    WHERE i <= :n))""",
        f"""INSERT INTO stock_movement (product_id, at, moved_on, kind, quantity, value, source)
            SELECT p.id, :long_ago, date(:long_ago), 'opening', p.on_hand + 3 * sold, (p.on_hand + 3 * sold) / 1000
                * p.cost, 'benchmark' FROM (SELECT i, {quantity} AS sold FROM number WHERE i <= :n) JOIN product p
                ON p.id = i ORDER BY p.id""",
        *(
            f"""INSERT INTO stock_movement (product_id, at, moved_on, kind, quantity, value, source)
                SELECT p.id, :long_ago, date(:long_ago), 'out', -sold, -sold / 1000 * p.cost, 'benchmark'
                FROM (SELECT i, {quantity} AS sold FROM number WHERE i <= :n) JOIN product p ON p.id = i
                ORDER BY {r(10 + turn, 100000)}"""
            for turn in range(3)
        ),
        f"""INSERT INTO incoming (product_id, quantity, ordered_on, expected_on, created_at)
            SELECT id, 2 * reorder_level + 1000, date(:today, '-3 days'), date(:today, '+4 days'), :now FROM product
            WHERE id % {3 * LOW_EVERY} = 0""",
        f"UPDATE product SET on_order = 2 * reorder_level + 1000 WHERE id % {3 * LOW_EVERY} = 0",
    ]


def _debts(r) -> list[str]:  # type: ignore[no-untyped-def]
    paid = "CASE WHEN i % 5 > 1 THEN amount WHEN i % 10 = 0 THEN amount / 2 ELSE 0 END"
    days = f"CASE i % 5 WHEN 0 THEN -1 - {r(20, 120)} WHEN 1 THEN {r(21, 60)} ELSE -30 - {r(22, 700)} END"
    return [
        f"""INSERT INTO payable (id, supplier_id, reference, reference_key, kind, issued_on, due_on, amount,
                left_to_pay, dispute, created_at)
            SELECT i, 1 + {r(23, 1_000_000)} % :suppliers, 'INV-' || i, 'inv-' || i, 'invoice',
                date(:today, (days - 30) || ' days'), date(:today, days || ' days'), amount, amount - {paid},
                CASE WHEN i % 400 = 0 THEN 'Two boxes were missing' END, :long_ago
            FROM (SELECT i, {days} AS days, 1000 + {r(24, 500_000)} AS amount FROM number WHERE i <= :n)""",
        """INSERT INTO payable_entry (id, payable_id, at, moved_on, kind, amount, source)
            SELECT id, id, created_at, issued_on, 'owe', amount, 'payable:' || id FROM payable ORDER BY id""",
        """INSERT INTO payment (id, supplier_id, account_id, paid_on, amount, created_at)
            SELECT id, supplier_id, :bank, due_on, amount - left_to_pay, created_at FROM payable
            WHERE left_to_pay < amount ORDER BY id""",
        """INSERT INTO payable_entry (payable_id, at, moved_on, kind, amount, source)
            SELECT id, created_at, paid_on, 'settle', -amount, 'payment:' || id FROM payment ORDER BY id""",
        """INSERT INTO cash_entry (account_id, at, moved_on, kind, amount, note)
            SELECT :bank, :long_ago, date(:long_ago), 'opening', 1000000 + SUM(amount), 'Opening' FROM payment""",
        """INSERT INTO cash_entry (account_id, at, moved_on, kind, amount, source)
            SELECT :bank, created_at, paid_on, 'out', -amount, 'payment:' || id FROM payment ORDER BY id""",
        """UPDATE cash_account SET balance = (SELECT SUM(amount) FROM cash_entry WHERE account_id = :bank)
            WHERE id = :bank""",
    ]


def _messages(r) -> list[str]:  # type: ignore[no-untyped-def]
    moment = "strftime('%Y-%m-%dT%H:%M:%fZ', :now, '-' || minutes || ' minutes')"
    return [
        f"""INSERT INTO notification (user_id, kind, severity, subject, message, link, created_at, read_at)
            SELECT 1 + i % 3, 'reorder_alert', 'warning', 'note:' || i,
                'Product ' || i || ' is low: 3 left, level 12. Order 21 from Supplier ' || i % 500 || '.',
                '/products/' || (1 + i % :n),
                strftime('%Y-%m-%dT%H:%M:%fZ', :now, '-' || (minutes + 60) || ' minutes'),
                CASE WHEN is_read THEN {moment} END
            FROM (SELECT i, i * 10 / (10 * :n) < 7 AND {r(30, 20)} > 0 AS is_read,
                    CASE WHEN i * 10 / (10 * :n) < 6 THEN 43300 + (:n * 10 - i) % 400000 + {r(31, 30)}
                        ELSE 10 + {r(32, 40000)} END AS minutes
                FROM number) ORDER BY i""",
        f"""INSERT INTO mail (key, kind, user_id, to_address, context, message_id, state, due_at, created_at, sent_at,
                subject, html, text, reply)
            SELECT 'benchmark:' || i, 'debt_reminder', 1, 'amina@shop.example', '{{}}', '<' || i || '@b.invalid>',
                CASE {r(40, 20)} WHEN 0 THEN 'failed' ELSE 'sent' END, :long_ago, :long_ago, :long_ago,
                'What is overdue', '<p>' || hex(zeroblob(1000)) || '</p>', 'As above.', '250 OK'
            FROM number WHERE i <= :n / 10""",
        """INSERT INTO job_run (job, slot, trigger, state, due_at, created_at, started_at, ended_at, outcome, result)
            SELECT 'books_check', 'benchmark-' || i, 'schedule', 'done', :now, :now, :now, :now, 'done', 'Adds up.'
            FROM number WHERE i <= 500""",
        """INSERT INTO audit (at, who, action, subject) SELECT :long_ago, 'Amina', 'product.add', 'product:' || i
            FROM number WHERE i <= :n""",
    ]
