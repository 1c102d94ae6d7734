"""The first tables: people, jobs, mail, products and stock, suppliers and what is owed to them, cash.

Written as SQL because Peewee can't say CHECK, STRICT partial indexes and triggers together. Money is in minor units,
quantities in thousandths, instants are `2026-11-23T08:00:00.000Z`, dates `2026-11-23`.
"""

INSTANT = "CHECK (length({0}) = 24 AND {0} LIKE '____-__-__T__:__:__.___Z')"
DAY = "CHECK ({0} GLOB '[0-9][0-9][0-9][0-9]-[0-9][0-9]-[0-9][0-9]')"
BOOL = "CHECK ({0} IN (0, 1))"

LEDGERS = ("stock_movement", "cash_entry", "payable_entry", "audit", "void", "mail_attempt")


def _check(rule: str, column: str) -> str:
    return rule.format(column)


TABLES = f"""
CREATE TABLE setting (
    key TEXT NOT NULL PRIMARY KEY CHECK (length(key) BETWEEN 1 AND 60),
    value TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE user (
    id INTEGER NOT NULL PRIMARY KEY,
    username TEXT NOT NULL CHECK (length(username) BETWEEN 1 AND 60),
    username_key TEXT NOT NULL UNIQUE,
    name TEXT NOT NULL CHECK (length(name) BETWEEN 1 AND 200),
    email TEXT CHECK (length(email) BETWEEN 3 AND 254),
    email_key TEXT UNIQUE,
    role TEXT NOT NULL CHECK (role IN ('admin', 'manager', 'cashier', 'viewer')),
    password_hash TEXT,
    is_active INTEGER NOT NULL DEFAULT 1 {_check(BOOL, "is_active")},
    theme TEXT NOT NULL DEFAULT 'auto' CHECK (theme IN ('auto', 'light', 'dark')),
    notices TEXT NOT NULL DEFAULT 'needs_me' CHECK (notices IN ('everything', 'needs_me', 'nothing', 'chosen')),
    created_at TEXT NOT NULL {_check(INSTANT, "created_at")},
    password_changed_at TEXT {_check(INSTANT, "password_changed_at")}
) STRICT;

CREATE TABLE notice_choice (
    id INTEGER NOT NULL PRIMARY KEY,
    user_id INTEGER NOT NULL REFERENCES user (id) ON DELETE RESTRICT,
    kind TEXT NOT NULL,
    in_app INTEGER NOT NULL {_check(BOOL, "in_app")},
    by_mail INTEGER NOT NULL {_check(BOOL, "by_mail")},
    UNIQUE (user_id, kind)
) STRICT;

CREATE TABLE session (
    id INTEGER NOT NULL PRIMARY KEY,
    token_hash TEXT NOT NULL UNIQUE CHECK (length(token_hash) = 64),
    user_id INTEGER NOT NULL REFERENCES user (id) ON DELETE RESTRICT,
    created_at TEXT NOT NULL {_check(INSTANT, "created_at")},
    seen_at TEXT NOT NULL {_check(INSTANT, "seen_at")},
    address TEXT NOT NULL DEFAULT '',
    agent TEXT NOT NULL DEFAULT '',
    ended_at TEXT {_check(INSTANT, "ended_at")}
) STRICT;
CREATE INDEX session_user ON session (user_id) WHERE ended_at IS NULL;

CREATE TABLE one_time_link (
    id INTEGER NOT NULL PRIMARY KEY,
    kind TEXT NOT NULL CHECK (kind IN ('new_account', 'reset_password')),
    user_id INTEGER NOT NULL REFERENCES user (id) ON DELETE RESTRICT,
    nonce TEXT NOT NULL,
    token_hash TEXT NOT NULL UNIQUE CHECK (length(token_hash) = 64),
    created_at TEXT NOT NULL {_check(INSTANT, "created_at")},
    expires_at TEXT NOT NULL {_check(INSTANT, "expires_at")},
    used_at TEXT {_check(INSTANT, "used_at")}
) STRICT;
CREATE INDEX one_time_link_user ON one_time_link (user_id, kind) WHERE used_at IS NULL;

CREATE TABLE login_failure (
    id INTEGER NOT NULL PRIMARY KEY,
    subject TEXT NOT NULL,
    at TEXT NOT NULL {_check(INSTANT, "at")}
) STRICT;
CREATE INDEX login_failure_subject ON login_failure (subject, at);

CREATE TABLE audit (
    id INTEGER NOT NULL PRIMARY KEY,
    at TEXT NOT NULL {_check(INSTANT, "at")},
    user_id INTEGER REFERENCES user (id) ON DELETE RESTRICT,
    who TEXT NOT NULL,
    action TEXT NOT NULL,
    subject TEXT NOT NULL DEFAULT '',
    detail TEXT NOT NULL DEFAULT ''
) STRICT;
CREATE INDEX audit_subject ON audit (subject, id);

CREATE TABLE request_key (
    key TEXT NOT NULL PRIMARY KEY CHECK (length(key) BETWEEN 8 AND 100),
    document TEXT NOT NULL,
    at TEXT NOT NULL {_check(INSTANT, "at")}
) STRICT, WITHOUT ROWID;

CREATE TABLE category (
    id INTEGER NOT NULL PRIMARY KEY,
    code TEXT NOT NULL DEFAULT '',
    code_key TEXT UNIQUE,
    name TEXT NOT NULL CHECK (length(name) BETWEEN 1 AND 200),
    name_key TEXT NOT NULL UNIQUE,
    description TEXT NOT NULL DEFAULT ''
) STRICT;

CREATE TABLE supplier (
    id INTEGER NOT NULL PRIMARY KEY,
    code TEXT NOT NULL DEFAULT '',
    code_key TEXT UNIQUE,
    name TEXT NOT NULL CHECK (length(name) BETWEEN 1 AND 200),
    name_key TEXT NOT NULL UNIQUE,
    contact TEXT NOT NULL DEFAULT '',
    phone TEXT NOT NULL DEFAULT '',
    email TEXT NOT NULL DEFAULT '',
    address TEXT NOT NULL DEFAULT '',
    terms_days INTEGER CHECK (terms_days BETWEEN 0 AND 3650),
    notes TEXT NOT NULL DEFAULT '',
    created_at TEXT NOT NULL {_check(INSTANT, "created_at")},
    archived_at TEXT {_check(INSTANT, "archived_at")}
) STRICT;

CREATE TABLE product (
    id INTEGER NOT NULL PRIMARY KEY,
    sku TEXT NOT NULL CHECK (length(sku) BETWEEN 1 AND 60),
    sku_key TEXT NOT NULL UNIQUE,
    name TEXT NOT NULL CHECK (length(name) BETWEEN 1 AND 200),
    name_key TEXT NOT NULL,
    barcode TEXT UNIQUE CHECK (length(barcode) BETWEEN 1 AND 60),
    category_id INTEGER REFERENCES category (id) ON DELETE RESTRICT,
    supplier_id INTEGER REFERENCES supplier (id) ON DELETE RESTRICT,
    unit TEXT NOT NULL DEFAULT 'piece' CHECK (length(unit) BETWEEN 1 AND 30),
    unit_decimals INTEGER NOT NULL DEFAULT 0 CHECK (unit_decimals BETWEEN 0 AND 3),
    cost INTEGER NOT NULL DEFAULT 0 CHECK (cost >= 0),
    price INTEGER NOT NULL DEFAULT 0 CHECK (price >= 0),
    reorder_level INTEGER CHECK (reorder_level >= 0),
    reorder_quantity INTEGER CHECK (reorder_quantity > 0),
    on_hand INTEGER NOT NULL DEFAULT 0,
    stock_value INTEGER NOT NULL DEFAULT 0,
    on_order INTEGER NOT NULL DEFAULT 0 CHECK (on_order >= 0),
    low_told_on TEXT {_check(DAY, "low_told_on")},
    snoozed_until TEXT {_check(DAY, "snoozed_until")},
    notes TEXT NOT NULL DEFAULT '',
    created_at TEXT NOT NULL {_check(INSTANT, "created_at")},
    archived_at TEXT {_check(INSTANT, "archived_at")},
    CHECK (on_hand <> 0 OR stock_value = 0)
) STRICT;
CREATE INDEX product_name ON product (name_key, id, archived_at);
CREATE INDEX product_category ON product (category_id, on_hand) WHERE archived_at IS NULL;
CREATE INDEX product_supplier ON product (supplier_id) WHERE archived_at IS NULL;
CREATE INDEX product_low ON product (reorder_level, on_hand, sku, name, on_order)
    WHERE archived_at IS NULL AND on_hand <= reorder_level;

CREATE TABLE stock_movement (
    id INTEGER NOT NULL PRIMARY KEY,
    product_id INTEGER NOT NULL REFERENCES product (id) ON DELETE RESTRICT,
    at TEXT NOT NULL {_check(INSTANT, "at")},
    moved_on TEXT NOT NULL {_check(DAY, "moved_on")},
    kind TEXT NOT NULL CHECK (kind IN ('opening', 'in', 'out', 'adjustment', 'residue', 'reversal')),
    reason TEXT CHECK (reason IN ('count', 'damage', 'own_use', 'theft', 'gift', 'expired')),
    quantity INTEGER NOT NULL,
    value INTEGER NOT NULL,
    source TEXT NOT NULL DEFAULT '',
    note TEXT NOT NULL DEFAULT '',
    user_id INTEGER REFERENCES user (id) ON DELETE RESTRICT,
    reverses_id INTEGER UNIQUE REFERENCES stock_movement (id) ON DELETE RESTRICT,
    CHECK ((kind = 'adjustment') = (reason IS NOT NULL)),
    CHECK ((kind = 'reversal') = (reverses_id IS NOT NULL)),
    CHECK (quantity <> 0 OR kind = 'residue' OR kind = 'reversal')
) STRICT;
CREATE INDEX stock_movement_product ON stock_movement (product_id, id, quantity, value);
CREATE INDEX stock_movement_source ON stock_movement (source) WHERE source <> '';

CREATE TABLE incoming (
    id INTEGER NOT NULL PRIMARY KEY,
    product_id INTEGER NOT NULL REFERENCES product (id) ON DELETE RESTRICT,
    quantity INTEGER NOT NULL CHECK (quantity > 0),
    arrived INTEGER NOT NULL DEFAULT 0 CHECK (arrived BETWEEN 0 AND quantity),
    ordered_on TEXT NOT NULL {_check(DAY, "ordered_on")},
    expected_on TEXT {_check(DAY, "expected_on")},
    source TEXT NOT NULL DEFAULT '',
    note TEXT NOT NULL DEFAULT '',
    user_id INTEGER REFERENCES user (id) ON DELETE RESTRICT,
    created_at TEXT NOT NULL {_check(INSTANT, "created_at")},
    closed_at TEXT {_check(INSTANT, "closed_at")}
) STRICT;
CREATE INDEX incoming_open ON incoming (product_id, id) WHERE closed_at IS NULL;

CREATE TABLE cash_account (
    id INTEGER NOT NULL PRIMARY KEY,
    name TEXT NOT NULL CHECK (length(name) BETWEEN 1 AND 200),
    name_key TEXT NOT NULL UNIQUE,
    kind TEXT NOT NULL CHECK (kind IN ('till', 'bank', 'mobile_money')),
    balance INTEGER NOT NULL DEFAULT 0,
    position INTEGER NOT NULL DEFAULT 0,
    created_at TEXT NOT NULL {_check(INSTANT, "created_at")},
    archived_at TEXT {_check(INSTANT, "archived_at")}
) STRICT;

CREATE TABLE cash_entry (
    id INTEGER NOT NULL PRIMARY KEY,
    account_id INTEGER NOT NULL REFERENCES cash_account (id) ON DELETE RESTRICT,
    at TEXT NOT NULL {_check(INSTANT, "at")},
    moved_on TEXT NOT NULL {_check(DAY, "moved_on")},
    kind TEXT NOT NULL CHECK (kind IN ('opening', 'in', 'out', 'reversal')),
    amount INTEGER NOT NULL,
    source TEXT NOT NULL DEFAULT '',
    note TEXT NOT NULL DEFAULT '',
    user_id INTEGER REFERENCES user (id) ON DELETE RESTRICT,
    reverses_id INTEGER UNIQUE REFERENCES cash_entry (id) ON DELETE RESTRICT,
    CHECK ((kind = 'reversal') = (reverses_id IS NOT NULL))
) STRICT;
CREATE INDEX cash_entry_account ON cash_entry (account_id, id, amount);
CREATE INDEX cash_entry_source ON cash_entry (source) WHERE source <> '';

CREATE TABLE payable (
    id INTEGER NOT NULL PRIMARY KEY,
    supplier_id INTEGER NOT NULL REFERENCES supplier (id) ON DELETE RESTRICT,
    reference TEXT NOT NULL DEFAULT '',
    reference_key TEXT NOT NULL DEFAULT '',
    kind TEXT NOT NULL CHECK (kind IN ('opening', 'invoice')),
    issued_on TEXT NOT NULL {_check(DAY, "issued_on")},
    due_on TEXT NOT NULL {_check(DAY, "due_on")},
    amount INTEGER NOT NULL CHECK (amount > 0),
    left_to_pay INTEGER NOT NULL CHECK (left_to_pay BETWEEN 0 AND amount),
    source TEXT NOT NULL DEFAULT '',
    note TEXT NOT NULL DEFAULT '',
    snoozed_until TEXT {_check(DAY, "snoozed_until")},
    promised_on TEXT {_check(DAY, "promised_on")},
    dispute TEXT,
    user_id INTEGER REFERENCES user (id) ON DELETE RESTRICT,
    created_at TEXT NOT NULL {_check(INSTANT, "created_at")},
    voided_at TEXT {_check(INSTANT, "voided_at")}
) STRICT;
CREATE UNIQUE INDEX payable_reference ON payable (supplier_id, reference_key)
    WHERE voided_at IS NULL AND reference_key <> '';
CREATE INDEX payable_open ON payable (supplier_id, due_on, left_to_pay) WHERE left_to_pay > 0;
CREATE INDEX payable_due ON payable (due_on, supplier_id, left_to_pay) WHERE left_to_pay > 0;

CREATE TABLE payable_entry (
    id INTEGER NOT NULL PRIMARY KEY,
    payable_id INTEGER NOT NULL REFERENCES payable (id) ON DELETE RESTRICT,
    at TEXT NOT NULL {_check(INSTANT, "at")},
    moved_on TEXT NOT NULL {_check(DAY, "moved_on")},
    kind TEXT NOT NULL CHECK (kind IN ('owe', 'settle', 'reversal')),
    amount INTEGER NOT NULL CHECK (amount <> 0),
    source TEXT NOT NULL DEFAULT '',
    user_id INTEGER REFERENCES user (id) ON DELETE RESTRICT,
    reverses_id INTEGER UNIQUE REFERENCES payable_entry (id) ON DELETE RESTRICT,
    CHECK ((kind = 'reversal') = (reverses_id IS NOT NULL))
) STRICT;
CREATE INDEX payable_entry_payable ON payable_entry (payable_id, id, amount);
CREATE INDEX payable_entry_source ON payable_entry (source) WHERE source <> '';

CREATE TABLE payment (
    id INTEGER NOT NULL PRIMARY KEY,
    supplier_id INTEGER NOT NULL REFERENCES supplier (id) ON DELETE RESTRICT,
    account_id INTEGER NOT NULL REFERENCES cash_account (id) ON DELETE RESTRICT,
    paid_on TEXT NOT NULL {_check(DAY, "paid_on")},
    amount INTEGER NOT NULL CHECK (amount > 0),
    reference TEXT NOT NULL DEFAULT '',
    note TEXT NOT NULL DEFAULT '',
    user_id INTEGER REFERENCES user (id) ON DELETE RESTRICT,
    created_at TEXT NOT NULL {_check(INSTANT, "created_at")}
) STRICT;
CREATE INDEX payment_supplier ON payment (supplier_id, id);

CREATE TABLE void (
    id INTEGER NOT NULL PRIMARY KEY,
    document TEXT NOT NULL UNIQUE,
    reason TEXT NOT NULL CHECK (length(reason) BETWEEN 1 AND 200),
    voided_on TEXT NOT NULL {_check(DAY, "voided_on")},
    at TEXT NOT NULL {_check(INSTANT, "at")},
    user_id INTEGER REFERENCES user (id) ON DELETE RESTRICT
) STRICT;

CREATE TABLE notification (
    id INTEGER NOT NULL PRIMARY KEY,
    user_id INTEGER NOT NULL REFERENCES user (id) ON DELETE RESTRICT,
    kind TEXT NOT NULL,
    severity TEXT NOT NULL CHECK (severity IN ('info', 'warning', 'critical')),
    subject TEXT NOT NULL DEFAULT '',
    message TEXT NOT NULL CHECK (length(message) BETWEEN 1 AND 500),
    link TEXT NOT NULL DEFAULT '',
    created_at TEXT NOT NULL {_check(INSTANT, "created_at")},
    read_at TEXT {_check(INSTANT, "read_at")}
) STRICT;
CREATE INDEX notification_unread ON notification (user_id, id) WHERE read_at IS NULL;
CREATE UNIQUE INDEX notification_once ON notification (user_id, kind, subject)
    WHERE read_at IS NULL AND subject <> '';
CREATE INDEX notification_read ON notification (read_at) WHERE read_at IS NOT NULL;
CREATE INDEX notification_user ON notification (user_id, id);

CREATE TABLE schedule (
    job TEXT NOT NULL PRIMARY KEY,
    at TEXT NOT NULL DEFAULT '' CHECK (at = '' OR at GLOB '[0-2][0-9]:[0-5][0-9]'),
    days TEXT NOT NULL DEFAULT 'every',
    cron TEXT NOT NULL DEFAULT '',
    is_paused INTEGER NOT NULL DEFAULT 0 {_check(BOOL, "is_paused")},
    seen_until TEXT NOT NULL {_check(INSTANT, "seen_until")},
    changed_at TEXT {_check(INSTANT, "changed_at")},
    changed_by TEXT NOT NULL DEFAULT '',
    default_at TEXT NOT NULL,
    default_days TEXT NOT NULL,
    default_cron TEXT NOT NULL,
    CHECK ((at = '') <> (cron = ''))
) STRICT, WITHOUT ROWID;

CREATE TABLE job_run (
    id INTEGER NOT NULL PRIMARY KEY,
    job TEXT NOT NULL,
    slot TEXT,
    trigger TEXT NOT NULL CHECK (trigger IN ('schedule', 'catch-up', 'hand', 'retry')),
    options TEXT NOT NULL DEFAULT '',
    asked_by TEXT NOT NULL DEFAULT '',
    state TEXT NOT NULL CHECK (state IN ('queued', 'running', 'done', 'failed', 'missed', 'cancelled')),
    attempt INTEGER NOT NULL DEFAULT 0,
    owner TEXT,
    due_at TEXT NOT NULL {_check(INSTANT, "due_at")},
    planned_at TEXT {_check(INSTANT, "planned_at")},
    deadline_at TEXT {_check(INSTANT, "deadline_at")},
    created_at TEXT NOT NULL {_check(INSTANT, "created_at")},
    started_at TEXT {_check(INSTANT, "started_at")},
    ended_at TEXT {_check(INSTANT, "ended_at")},
    outcome TEXT CHECK (outcome IN ('done', 'nothing', 'failed')),
    result TEXT NOT NULL DEFAULT '',
    counts TEXT NOT NULL DEFAULT '',
    note TEXT NOT NULL DEFAULT '',
    error TEXT NOT NULL DEFAULT '',
    trace TEXT NOT NULL DEFAULT '',
    UNIQUE (job, slot)
) STRICT;
CREATE UNIQUE INDEX job_run_one ON job_run (job) WHERE state IN ('queued', 'running');
CREATE INDEX job_run_due ON job_run (due_at, id) WHERE state = 'queued';
CREATE INDEX job_run_job ON job_run (job, id);

CREATE TABLE mail (
    id INTEGER NOT NULL PRIMARY KEY,
    key TEXT NOT NULL UNIQUE,
    kind TEXT NOT NULL CHECK (length(kind) BETWEEN 1 AND 40),
    user_id INTEGER REFERENCES user (id) ON DELETE RESTRICT,
    to_address TEXT NOT NULL CHECK (length(to_address) BETWEEN 3 AND 254),
    to_name TEXT NOT NULL DEFAULT '',
    context TEXT NOT NULL,
    message_id TEXT NOT NULL UNIQUE,
    state TEXT NOT NULL CHECK (state IN ('queued', 'sending', 'sent', 'failed', 'expired', 'held', 'cancelled')),
    stage TEXT CHECK (stage IN ('connect', 'data')),
    attempt INTEGER NOT NULL DEFAULT 0,
    owner TEXT,
    due_at TEXT NOT NULL {_check(INSTANT, "due_at")},
    expires_at TEXT {_check(INSTANT, "expires_at")},
    created_at TEXT NOT NULL {_check(INSTANT, "created_at")},
    sent_at TEXT {_check(INSTANT, "sent_at")},
    run_id INTEGER REFERENCES job_run (id) ON DELETE SET NULL,
    again_of_id INTEGER REFERENCES mail (id) ON DELETE RESTRICT,
    subject TEXT NOT NULL DEFAULT '',
    html TEXT NOT NULL DEFAULT '',
    text TEXT NOT NULL DEFAULT '',
    reply TEXT NOT NULL DEFAULT '',
    error TEXT NOT NULL DEFAULT '',
    CHECK ((state = 'sending') = (stage IS NOT NULL))
) STRICT;
CREATE INDEX mail_due ON mail (due_at, id) WHERE state = 'queued';
CREATE INDEX mail_state ON mail (state, id);

CREATE TABLE mail_attempt (
    id INTEGER NOT NULL PRIMARY KEY,
    mail_id INTEGER NOT NULL REFERENCES mail (id) ON DELETE RESTRICT,
    at TEXT NOT NULL {_check(INSTANT, "at")},
    stage TEXT NOT NULL,
    result TEXT NOT NULL,
    words TEXT NOT NULL DEFAULT ''
) STRICT;
CREATE INDEX mail_attempt_mail ON mail_attempt (mail_id, id);

CREATE TABLE mail_pause (
    id INTEGER NOT NULL PRIMARY KEY CHECK (id = 1),
    since_at TEXT NOT NULL {_check(INSTANT, "since_at")},
    probe_at TEXT NOT NULL {_check(INSTANT, "probe_at")},
    sentence TEXT NOT NULL,
    words TEXT NOT NULL DEFAULT ''
) STRICT;
"""


def up(migrator, db):
    for statement in TABLES.split(";\n"):
        if statement.strip():
            db.execute_sql(statement)
    for table in LEDGERS:
        for verb in ("UPDATE", "DELETE"):
            db.execute_sql(
                f"CREATE TRIGGER append_only_{table}_{verb.lower()} BEFORE {verb} ON {table} "
                f"BEGIN SELECT RAISE(ABORT, 'rows of {table} are never changed or removed'); END"
            )
