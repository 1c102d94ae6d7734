"""The frame of every page: who may come in, from where, and with which headers. About 5 s."""

from __future__ import annotations


def test_the_shell_is_there_for_somebody_who_is_signed_in(amina):
    answer = amina.get("/shortcuts")
    assert answer.status_code == 200
    assert "<h1>Shortcuts" in answer.text and 'data-bs-theme="auto"' in answer.text


def test_a_stranger_is_sent_to_the_log_in_and_back(zawadi, people):
    answer = zawadi.get("/shortcuts?x=1")
    assert answer.status_code == 303
    assert answer.headers["Location"] == "/login?next=%2Fshortcuts%3Fx%3D1"
