"""The settings of the environment: read once, empty is unset, nonsense is named. Budget: 1 s."""

from __future__ import annotations

from pathlib import Path

import pytest

from tracker import config
from tracker.errors import Misconfigured


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("shop@example.org", "shop@example.org"),
        ("Mama Amina's <shop@example.org>", "shop@example.org"),
        ('"Amina, Ltd" <shop@example.org>', "shop@example.org"),
        ("", ""),
    ],
)
def test_the_sender_may_be_written_with_a_name_before_it(tmp_path: Path, written: str, meant: str) -> None:
    assert config.load({"SMTP_FROM": written}, tmp_path).smtp.sender == meant


@pytest.mark.parametrize("written", ["Mama Amina's", "a@example.org, b@example.org", "<>"])
def test_a_sender_that_no_server_would_take_is_refused_at_the_start(tmp_path: Path, written: str) -> None:
    with pytest.raises(Misconfigured, match="SMTP_FROM must be one e-mail address"):
        config.load({"SMTP_FROM": written}, tmp_path)


def test_an_empty_variable_is_unset_and_hides_nothing_of_the_file(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("TRACKER_PORT=8123\nTRACKER_HOST=\n", encoding="utf-8")
    assert (config.load({"TRACKER_PORT": ""}, tmp_path).port, config.load({}, tmp_path).host) == (8123, "127.0.0.1")
    assert config.load({"TRACKER_PORT": "8124"}, tmp_path).port == 8124


@pytest.mark.parametrize("encoding", ["utf-16", "latin-1"])
def test_a_file_in_another_encoding_is_said_in_words(tmp_path: Path, encoding: str) -> None:
    (tmp_path / ".env").write_text("# für Amina\nTRACKER_PORT=8123\n", encoding=encoding)
    with pytest.raises(Misconfigured, match="UTF-8"):
        config.load({}, tmp_path)


def test_a_relative_data_folder_counts_from_the_program_s_folder(tmp_path: Path) -> None:
    assert config.load({"TRACKER_DATA": "elsewhere"}, tmp_path).data == (tmp_path / "elsewhere").resolve()


def test_another_database_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Misconfigured, match="DATABASE_URL"):
        config.load({"DATABASE_URL": "postgresql://shop"}, tmp_path)
