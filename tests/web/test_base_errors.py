"""What a person sees when something can't be done: a sentence, never the inside of the program. About 4 s."""

from __future__ import annotations

import errno
import json
import logging

import peewee
import pytest
from flask import Blueprint, abort

from tracker import db
from tracker.errors import Busy, DataError, NotFound, Refused
from tracker.web import access


@pytest.fixture
def failing(app):
    """`failing(error)`: from now on /fail raises it."""
    page, raised = Blueprint("failing", __name__), []

    @page.get("/fail")
    @access.signed_in
    def fail():
        raise raised[-1]

    app.register_blueprint(page)
    return raised.append


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (Refused("The till is short by KES 20."), 422),
        (NotFound("There is no such supplier."), 404),
        (Busy("The backup is running."), 409),
        (DataError("The folder is not there."), 503),
    ],
)
def test_a_refusal_is_a_page_with_its_sentence(failing, amina, error, status):
    failing(error)
    answer = amina.get("/fail")
    assert answer.status_code == status and error.message in answer.text


def test_htmx_gets_a_message_and_leaves_the_page_as_it_is(failing, amina):
    failing(Refused("The till is “short”."))
    answer = amina.get("/fail", headers={"HX-Request": "true"})
    assert (answer.status_code, answer.data, answer.headers["HX-Reswap"]) == (422, b"", "none")
    assert json.loads(answer.headers["HX-Trigger"]) == {"toast": {"message": "The till is “short”.", "kind": "bad"}}


def test_a_bug_shows_a_number_and_is_logged_in_full(failing, amina, caplog):
    failing(ZeroDivisionError("secret inside"))
    with caplog.at_level(logging.ERROR):
        answer = amina.get("/fail")
    number = answer.text.partition('class="incident">')[2][:9]
    assert answer.status_code == 500
    assert "secret inside" not in answer.text and "Traceback" not in answer.text and "ZeroDivision" not in answer.text
    assert f"incident {number} at GET /fail" in caplog.text and "secret inside" in caplog.text


@pytest.mark.parametrize(
    ("error", "status", "says"),
    [
        (peewee.OperationalError("database or disk is full"), 507, "Make room on the disk"),
        (OSError(errno.ENOSPC, "No space left on device"), 507, "Make room on the disk"),
        (peewee.OperationalError("attempt to write a readonly database"), 503, "Free it for writing"),
        (peewee.OperationalError("database is locked"), 503, "try again"),
        (db.sqlite3.DatabaseError("database disk image is malformed"), 503, "restore the last backup"),
        (peewee.DatabaseError("file is not a database"), 503, "restore the last backup"),
    ],
)
def test_faults_of_the_disk_have_their_own_words(failing, amina, error, status, says):
    failing(error)
    answer = amina.get("/fail")
    assert answer.status_code == status and says in answer.text
    assert ("Retry-After" in answer.headers) == (status == 503)


def test_a_bug_of_the_database_layer_is_still_a_bug(failing, amina):
    failing(peewee.OperationalError("no such column: nonsense"))
    answer = amina.get("/fail")
    assert answer.status_code == 500 and "nonsense" not in answer.text


def test_a_real_read_only_folder_is_told_in_words(app, amina, failing):
    """A write that SQLite itself refuses, not a made-up error."""
    db.books.execute_sql("PRAGMA query_only = 1")
    try:
        with pytest.raises(peewee.OperationalError) as caught, db.write():
            db.books.execute_sql("UPDATE user SET name = 'x'")
    finally:
        db.books.execute_sql("PRAGMA query_only = 0")
    failing(caught.value)
    answer = amina.get("/fail")
    assert answer.status_code == 503 and "Free it for writing" in answer.text


def test_an_unknown_address_is_a_page_with_a_way_back(amina, zawadi):
    answer = amina.get("/no/such/page")
    assert answer.status_code == 404 and "There is no such page" in answer.text and 'href="/"' in answer.text
    assert zawadi.get("/no/such/page").status_code == 404


def test_a_wrong_method_is_a_page_too(amina):
    assert amina.send("/shortcuts").status_code == 405


def test_our_own_words_of_an_abort_are_shown(app, amina):
    page = Blueprint("words", __name__)
    page.add_url_rule("/words", "words", access.signed_in(lambda: abort(404, "Receipt 12 is in another shop.")))
    app.register_blueprint(page)
    assert "Receipt 12 is in another shop." in amina.get("/words").text
