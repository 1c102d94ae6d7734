"""What must not slow down as the shop grows, in counts that no busy machine can move. Budget: 40 s, two shops made.

Statements, the steps of SQLite's machine, and its plans after ANALYZE; times are for `python -m benchmarks`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from flask.testing import FlaskClient

from benchmarks import shop_data
from benchmarks.books import undo
from benchmarks.measure import Seen, plan, watching
from tracker import clock, db
from tracker.config import ROOT, Config
from tracker.jobs import runner
from tracker.ops import job_runs, startup
from tracker.shop import books, low_stock, notifications, outbox, owed, sessions, settings
from tracker.web import access, create_app

SMALL, LARGE = 1_000, 10_000
PAGED = (
    "/products",
    "/products?sort=sku",
    "/products?category=3",
    "/notifications",
    "/notifications?show=unread",
    "/shortcuts",
)


@pytest.fixture(scope="module")
def shops(tmp_path_factory: pytest.TempPathFactory) -> dict[int, Config]:
    """A shop of each size, filled and closed."""
    made = {}
    for size in (SMALL, LARGE):
        made[size] = Config(root=ROOT, data=tmp_path_factory.mktemp(f"of-{size}") / "data")
        shop_data.build(made[size], size)
        startup.close_shop()
        settings.forget()
    return made


@pytest.fixture
def large(shops: dict[int, Config]) -> Config:
    startup.open_shop(shops[LARGE])
    return shops[LARGE]


@pytest.fixture
def amina(large: Config) -> FlaskClient:
    return signed_in(large)


def signed_in(config: Config) -> FlaskClient:
    client = create_app(config).test_client()
    client.set_cookie(access.COOKIE, sessions.start(1), domain="localhost")
    return client


def asked_by(client: FlaskClient, path: str) -> Seen:
    """What a page asks once it is warm: settings and figures that are kept for a while are not asked again."""
    for _ in range(2):
        with watching() as seen:
            assert client.get(path, base_url="http://localhost:8000").status_code == 200
    seen.statements = [sql for sql in seen.statements if "FROM setting" not in sql]  # once a second at most
    return seen


def growth(shops: dict[int, Config], work: Callable[[Config], Any]) -> tuple[int, int]:
    """SQLite's steps for the same work in the small shop and in one of ten times its size."""
    steps = []
    for config in shops.values():
        startup.open_shop(config)
        work(config)
        with watching() as seen:
            work(config)
        steps.append(seen.operations)
        startup.close_shop()
    return steps[0], steps[1]


@contextmanager
def undone() -> Iterator[None]:
    """The books are afterwards as they were."""
    with db.books.atomic() as transaction:
        yield
        transaction.rollback()


# --- the shops themselves ---------------------------------------------------------------------------------------------


def test_the_generated_shops_add_up_and_are_what_they_say(shops: dict[int, Config]) -> None:
    for size, config in shops.items():
        startup.open_shop(config)
        assert books.verify() == []
        assert db.rows("SELECT count(*) FROM product") == [(size,)]
        assert 0.02 * size < len(low_stock.rows(clock.today())) < 0.04 * size
        assert 0.1 * size < owed.overdue_count(clock.today(), size) < 0.3 * size
        assert notifications.count_old_read() > 5 * size
        startup.close_shop()


# --- statements -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "most"),
    [
        ("/products", 5), ("/products?page=100", 5), ("/products?q=sku-00077", 5), ("/products?q=ham", 6),
        ("/products?show=low", 6), ("/stock/low", 5), ("/debts", 6), ("/debts?state=overdue", 6), ("/suppliers", 5),
        ("/notifications", 5), ("/cash", 5), ("/products/7", 12), ("/", 18), ("/health", 24),
    ],
)  # fmt: skip
def test_a_page_of_a_large_shop_asks_no_more_than_this(amina: FlaskClient, path: str, most: int) -> None:
    statements = asked_by(amina, path).statements
    assert len(statements) <= most, statements


JOBS = {"reorder_alerts": "reorder_alert", "debt_reminders": "debt_reminder"}


def asked_by_job(job: str) -> list[str]:
    """What a run asks, with all that it told people taken back afterwards."""
    with watching() as seen:
        run = runner.run_due("a-test", job_runs.request(job).id)
    assert run is not None and run.outcome == "done", run and run.error
    assert run.counted["mails"] == 2
    undo(db.books.connection(), JOBS[job], job)
    return seen.statements


@pytest.mark.parametrize("job", JOBS)
def test_a_job_asks_by_chunks_not_by_rows(large: Config, job: str) -> None:
    assert len(asked_by_job(job)) <= 60


def test_an_idle_worker_asks_little(large: Config) -> None:
    """Its sweeper looks every five seconds."""
    from tracker.jobs.worker import Worker

    worker = Worker()
    settings.change(is_set_up=False)  # no snapshot is due
    worker.sweep()
    with watching() as seen:
        worker.sweep()
    settings.change(is_set_up=True)
    assert len(seen.statements) <= 12, seen.statements
    assert seen.operations < 5_000


# --- steps ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["/products", "/products?page=3", "/notifications", "/notifications?show=unread"])
def test_a_paged_list_takes_the_same_steps_in_a_shop_ten_times_as_large(shops: dict[int, Config], path: str) -> None:
    clients: dict[str, FlaskClient] = {}

    def ask(config: Config) -> None:
        client = clients.setdefault(str(config.data), None) or signed_in(config)  # type: ignore[arg-type]
        clients[str(config.data)] = client
        assert client.get(path, base_url="http://localhost:8000").status_code == 200

    small, large = growth(shops, ask)
    assert 0 < large <= 1.3 * small, (small, large)


@pytest.mark.parametrize(
    "badge",
    [
        lambda _: notifications.standing(1).unread,
        lambda _: owed.overdue_count(clock.today()),
        lambda _: notifications.latest(1, 50),
        lambda _: outbox.waiting(),
        lambda _: job_runs.due(),
    ],
    ids=["unread", "overdue", "latest notices", "mail waits", "runs due"],
)
def test_a_number_beside_the_menu_takes_the_same_steps(shops: dict[int, Config], badge: Callable[..., Any]) -> None:
    small, large = growth(shops, badge)
    assert large <= 1.2 * small + 50, (small, large)


def test_a_page_deep_in_the_list_skips_rows_in_the_index_alone(shops: dict[int, Config]) -> None:
    startup.open_shop(shops[LARGE])
    client = signed_in(shops[LARGE])
    first, deep = asked_by(client, "/products").operations, asked_by(client, "/products?page=181").operations
    skipped = 180 * 50
    assert deep - first < 6 * skipped, (first, deep)


def test_what_a_job_scans_grows_with_what_it_finds(shops: dict[int, Config]) -> None:
    small, large = growth(shops, lambda _: low_stock.rows(clock.today()))
    assert large <= 11 * small
    assert large < 90 * LARGE // shop_data.LOW_EVERY, "more than a hundred steps for each product that is low"
    small, large = growth(shops, lambda _: owed.reminder(clock.today()))
    assert large <= 12 * small


def test_telling_people_does_not_grow_with_what_they_have_not_read(shops: dict[int, Config]) -> None:
    def tell(_: Config) -> None:
        with undone():
            notifications.tell_all("problem", [notifications.Notice("failed:backup", "It failed.", "/health")])

    small, large = growth(shops, tell)
    assert large <= 1.5 * small + 100, (small, large)


# --- plans ------------------------------------------------------------------------------------------------------------

GROWING = "product stock_movement payable payable_entry cash_entry payment notification mail audit".split()
# Walking one of these is walking the page, or what there is to do: they hold nothing else, or stop at a LIMIT.
WALKED = ("product_low", "payable_due", "payable_open", "product_name", "sqlite_autoindex_product_1")
# These ask about everything on purpose: sums, and searches in the middle of a word.
SUMS = re.compile(r"COUNT\(\*\)|SUM\(|count\(\*\)|instr\(|MAX\(id\)", re.IGNORECASE)


def scans(sql: str) -> list[str]:
    """The lines of a statement's plan that walk a whole table that grows, or skip about in an index."""
    tables = dict(re.findall(r'(?:FROM|JOIN) "?(\w+)"? (?:AS )?"?(\w+)"?', sql))
    names = {alias: table for table, alias in tables.items()} | {table: table for table in GROWING}
    wrong = []
    for line in plan(sql):
        walked = re.match(r"SCAN (\w+)(?: USING (?:COVERING )?INDEX (\w+))?", line)
        newest_first = re.search(r'ORDER BY \S*\bid"? DESC\s+LIMIT', sql)
        if newest_first and walked and not walked[2]:
            continue  # it stops at the LIMIT
        if walked and names.get(walked[1], walked[1]) in GROWING and walked[2] not in WALKED:
            wrong.append(line)
        if "ANY(" in line:
            wrong.append(line)
    return wrong


def test_no_page_walks_a_whole_table(amina: FlaskClient) -> None:
    for path in (*PAGED, "/products?page=100", "/products/7", "/stock/low", "/debts/7", "/suppliers/3", "/cash"):
        for sql in asked_by(amina, path).statements:
            if sql.lstrip().upper().startswith(("SELECT", "WITH")) and not SUMS.search(sql):
                assert not scans(sql), (path, sql, plan(sql))


@pytest.mark.parametrize("path", ["/products", "/products?page=100", "/notifications", "/notifications?show=unread"])
def test_a_paged_list_is_not_sorted_as_a_whole(amina: FlaskClient, path: str) -> None:
    """The rows of the page itself, found first, may be put in order again."""
    for sql in asked_by(amina, path).statements:
        if "OFFSET" in sql:
            page = re.search(r"IN \((SELECT .*OFFSET \d+)\)", sql, re.DOTALL)
            steps = plan(page[1] if page else sql)
            assert not [step for step in steps if "TEMP B-TREE" in step], (sql, steps)


@pytest.mark.parametrize("job", JOBS)
def test_no_job_walks_a_whole_table(large: Config, job: str) -> None:
    for sql in asked_by_job(job):
        if sql.lstrip().upper().startswith(("SELECT", "WITH", "UPDATE", "DELETE")):
            assert not scans(sql), (sql[:300], plan(sql))


def test_the_clean_up_finds_and_deletes_by_index(large: Config) -> None:
    with undone(), watching() as seen:
        assert notifications.delete_old_read(notifications.old_read_ids(500)) == 500
    asked = [sql for sql in seen.statements if sql.startswith(("SELECT", "DELETE"))]
    assert len(asked) == 2
    for sql in asked:
        assert not [step for step in plan(sql) if "SCAN" in step or "TEMP B-TREE" in step], plan(sql)


def test_debts_that_are_due_are_found_by_their_date(large: Config) -> None:
    """A plain index of supplier and date would attract a skip-scan after ANALYZE, ten times as slow."""
    with watching() as seen:
        owed.reminder(clock.today())
    steps = plan(seen.statements[-1])
    assert steps[0].startswith("SEARCH p USING INDEX payable_due"), steps


def test_the_look_at_plans_sees_a_table_that_is_walked(large: Config) -> None:
    """The negative control."""
    assert scans("SELECT p.id FROM product p WHERE p.notes = 'x'")
    assert scans("SELECT id FROM notification WHERE message = 'x'")
    assert not scans("SELECT p.id FROM product p WHERE p.id = 7")
