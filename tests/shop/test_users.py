"""People: names, roles, the last admin, passwords, what each wants to be told. Budget: 10 s."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from werkzeug.security import generate_password_hash

from tests import cast
from tracker import db
from tracker.config import Config
from tracker.errors import NotFound, Refused
from tracker.shop import audit, cash, countries, passwords, set_up, settings, users

OWNER = set_up.Owner("Amina", "amina", cast.PASSWORD, "amina@shop.example")


@pytest.fixture(autouse=True)
def _open(books: Config) -> None:
    """Every test here needs the books."""


def test_user_names_and_addresses_are_taken_whatever_their_capitals() -> None:
    cast.amina()
    for values in ({"username": "AMINA"}, {"email": "Amina@SHOP.example"}):
        with pytest.raises(Refused) as no:
            users.add(**{"username": "other", "name": "Other", "role": "viewer", **values})
        assert no.value.field == next(iter(values))


def test_a_person_is_found_by_name_or_address() -> None:
    amina = cast.amina()
    assert users.find(" Amina ") == users.find("AMINA@shop.example") == amina
    assert users.find("zawadi") is users.find("") is None


def test_the_last_admin_stays_one() -> None:
    amina = cast.amina()
    for act in (lambda: users.disable(amina.id), lambda: users.edit(amina.id, role="manager")):
        with pytest.raises(Refused):
            act()
    users.add("vera", "Vera", "admin")
    users.disable(amina.id)
    assert not users.get(amina.id).is_active


def test_only_an_active_person_with_the_right_password_gets_in() -> None:
    amina, juma = cast.amina(), cast.juma()
    users.add("vera", "Vera", "viewer")  # has no password yet
    assert users.log_in("amina", cast.PASSWORD) == amina
    assert users.log_in("amina", cast.PASSWORD + "x") is None
    assert users.log_in("zawadi", cast.PASSWORD) is None
    assert users.log_in("vera", "") is None
    users.disable(juma.id)
    assert users.log_in("juma", cast.PASSWORD) is None


def test_an_unknown_name_costs_a_hash_too(monkeypatch: pytest.MonkeyPatch) -> None:
    cast.amina()
    checked: list[str] = []
    original = passwords.check_password_hash
    monkeypatch.setattr(
        passwords, "check_password_hash", lambda stored, given: (checked.append(stored), original(stored, given))[1]
    )
    assert users.log_in("zawadi", "wrong password") is users.log_in("amina", "wrong password") is None
    assert [stored.split("$")[0] for stored in checked] == [passwords.METHOD] * 2


def test_a_hash_of_another_strength_is_renewed_at_the_log_in() -> None:
    amina = cast.amina()
    old = generate_password_hash(cast.PASSWORD, "scrypt:1024:8:1")
    users.User.update(password_hash=old).execute()
    assert users.log_in("amina", "wrong password") is None
    assert users.get(amina.id).password_hash == old
    assert users.log_in("amina", cast.PASSWORD)
    assert str(users.get(amina.id).password_hash).startswith("scrypt:32768:8:3$")


def test_no_password_is_hashed_inside_a_transaction() -> None:
    with db.write(), pytest.raises(RuntimeError):
        passwords.hashed("some good password")


def test_at_most_two_hashes_run_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    running, most = [], []

    def slow(*_: object) -> str:
        running.append(1)
        most.append(len(running))
        time.sleep(0.02)
        running.pop()
        return "hash"

    monkeypatch.setattr(passwords, "generate_password_hash", slow)
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(passwords.hashed, ["some good password"] * 16))
    assert max(most) == 2


@pytest.mark.parametrize(
    "bad",
    ["", "short", "123456789", "1234567890", "password123", "Password2024!", "QWERTYuiop", "aaaaaaaaaaaa", "amina12345",
     "Amina Otieno 2026", "manchester99", "a" * 129, "ab" * 8, "\ud800" * 12],
)  # fmt: skip
def test_a_password_that_is_short_long_or_easy_is_refused_at_its_field(bad: str) -> None:
    with pytest.raises(Refused) as no:
        passwords.checked(bad, "amina", "Amina Otieno")
    assert no.value.field == "password"


@pytest.mark.parametrize(
    "good",
    ["kettle window seven", "ümläute sind gut", "密码不应该太短因为容易猜到", "x9$ Lq-77 ~z", "b" * 60 + "acdefg"],
)
def test_any_characters_make_a_good_password(good: str) -> None:
    assert passwords.checked(good, "amina", "Amina Otieno") == good


def test_fifty_set_ups_at_once_make_one_owner(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(passwords, "METHOD", "scrypt:1024:8:1")  # the race is about the books, not about the hashing

    def one(number: int) -> bool:
        try:
            set_up.run(set_up.Owner(f"Amina {number}", f"amina{number}", cast.PASSWORD), "Duka", "KE")
        except Refused:
            return False
        return True

    with ThreadPoolExecutor(50) as pool:
        assert sum(pool.map(one, range(50))) == 1
    assert len(users.everybody()) == 1
    assert len(cash.balances()) == 3


def test_a_set_up_that_is_refused_leaves_nothing_behind() -> None:
    for wrong in (
        {"owner": set_up.Owner("Amina", "a@b", cast.PASSWORD)},
        {"country": "XX"},
        {"timezone": "Mars/Base"},
        {"shop_name": ""},
    ):
        with pytest.raises(Refused):
            set_up.run(**{"owner": OWNER, "shop_name": "Duka", "country": "KE", **wrong})
    assert users.everybody() == [] and cash.balances() == [] and not settings.load().is_set_up
    set_up.run(OWNER, "Duka", "KE")


def test_the_set_up_derives_currency_zone_and_week_from_the_country() -> None:
    amina = set_up.run(OWNER, "Duka la Amina", "ke", currency="")
    found = settings.load()
    assert (found.country, found.currency, found.timezone, found.week_starts) == ("KE", "KES", "Africa/Nairobi", "sun")
    assert [(one.name, one.kind) for one in cash.balances()] == list(set_up.ACCOUNTS)
    assert {entry.user_id for entry in audit.of("settings")} == {amina.id}


@pytest.mark.parametrize(
    ("code", "currency"), [("KE", "KES"), ("DE", "EUR"), ("US", "USD"), ("IN", "INR"), ("EG", "EGP")]
)
def test_the_country_knows_its_currency(code: str, currency: str) -> None:
    assert countries.facts(code).currency == currency


def test_every_country_of_the_list_has_settings_that_are_accepted() -> None:
    for code, _ in countries.listing():
        facts = countries.facts(code)
        settings.change(country=code, currency=facts.currency, timezone=facts.timezone, week_starts=facts.week_starts)
    assert len(countries.listing()) > 200


def test_an_admin_is_told_what_needs_them_and_a_cashier_is_not_told_of_debts() -> None:
    amina, juma = cast.amina(), cast.juma()
    assert users.wishes(amina, "debt_reminder") == (True, True)
    assert users.wishes(amina, "news") == (False, False)
    users.choose_notices(juma.id, "everything")
    assert users.wishes(users.get(juma.id), "debt_reminder") == (False, False)


def test_what_a_person_chose_counts_and_nothing_else() -> None:
    amina = cast.amina()
    users.choose_notices(amina.id, "chosen", {"news": (True, False), "no such kind": (True, True)})
    chosen = users.get(amina.id)
    assert {kind: users.wishes(chosen, kind) for kind, *_ in users.KINDS if any(users.wishes(chosen, kind))} == {
        "news": (True, False)
    }
    users.choose_notices(amina.id, "nothing")
    assert not any(any(users.wishes(users.get(amina.id), kind)) for kind, *_ in users.KINDS)
    with pytest.raises(Refused):
        users.choose_notices(amina.id, "sometimes")


def test_nobody_is_nobody() -> None:
    with pytest.raises(NotFound):
        users.get(99)
