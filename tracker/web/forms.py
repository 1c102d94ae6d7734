"""Forms that keep what was typed, say what is wrong beside it, and carry their own request key."""

from __future__ import annotations

import secrets
from typing import Any

from flask import request
from flask_wtf import FlaskForm
from flask_wtf.form import _Auto
from werkzeug.datastructures import CombinedMultiDict

from tracker.errors import ShopError
from tracker.web import idempotency, stale


class Form(FlaskForm):  # type: ignore[misc]
    """The base of every form. Fields come from `tracker.web.fields`; a subclass lists only what may be changed.

    A page function says `if form.validate():`, calls the verb, and on Refused `form.refuse(error)`.
    """

    class Meta(FlaskForm.Meta):  # type: ignore[misc]
        def wrap_formdata(self, form: Form, formdata: Any) -> Any:
            if formdata is not _Auto:
                return formdata
            if not form.is_submitted():
                kept = stale.take_back(type(form).__name__)
                form.was_kept = kept is not None
                return kept
            return CombinedMultiDict((request.files, request.form)) if request.files else request.form

    was_kept = False  # what stands in it was typed before a log-in ran out, and is not saved
    complaint = ""  # a refusal that is about no field in particular

    @property
    def request_key(self) -> str:
        """The key this form was sent with, or a fresh one: the same form sent twice is done once."""
        return idempotency.key() or secrets.token_urlsafe(16)

    def values(self, *names: str) -> dict[str, Any]:
        """What the fields hold, by name; only these names, when some are given. Never the token."""
        return {
            f.name: f.data
            for f in self._fields.values()
            if f.type != "CSRFTokenField" and (not names or f.name in names)
        }

    def refuse(self, error: ShopError) -> None:
        """Put what the books said at the field it is about, or over the form when it is about none."""
        field = self._fields.get(error.field or "")
        if field is None:
            self.complaint = error.message
        else:
            field.errors = [*field.errors, error.message]

    @property
    def wrong(self) -> list[tuple[str, str]]:
        """What to mend: (id of the field or nothing, the sentence), in the order of the fields."""
        found = [("", self.complaint)] if self.complaint else []
        for field in self._fields.values():
            if field.type != "CSRFTokenField":
                found += [(field.id, str(sentence)) for sentence in field.errors]
        return found
