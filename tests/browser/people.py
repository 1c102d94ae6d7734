"""What a person does at the shop's pages: sign in, read what the page says, count the clicks."""

from __future__ import annotations

from typing import Any

from tests.browser.running import PASSWORD


def sign_in(page: Any, name: str = "amina", password: str = PASSWORD) -> None:
    """On the log-in page, with the keyboard; the page that follows is there when this returns."""
    page.get_by_label("User name").fill(name)
    page.get_by_label("Password").fill(password)
    page.get_by_label("Password").press("Enter")
    page.get_by_role("heading", name="Sign in").wait_for(state="detached")


def said(page: Any, words: str) -> None:
    """The page says this in a message."""
    page.locator(".note, .toasts .note").filter(has_text=words).first.wait_for()


class Clicks:
    """Counts what a person presses."""

    def __init__(self) -> None:
        self.number = 0

    def __call__(self, target: Any) -> None:
        target.click()
        self.number += 1
