"""The dialog that voids a posted document: one reason; a sentence when it is done, the page again when refused."""

from __future__ import annotations

from collections.abc import Callable

from flask.typing import ResponseReturnValue

from tracker.errors import NotFound, Refused
from tracker.shop import voids
from tracker.web import htmx
from tracker.web.fields import LineField
from tracker.web.forms import Form


class VoidForm(Form):
    """The dialog's field is made by the page's template; it is called `reason`."""

    reason = LineField("Reason", required=True)


def void(document: str, target: str, done: str, shown: Callable[[Form], str]) -> ResponseReturnValue:
    """Void the document with the reason that was typed; `shown` is the page with what was wrong."""
    form = VoidForm()
    if form.validate():
        try:
            voids.void(document, form.reason.data)
        except (Refused, NotFound) as no:
            form.refuse(no)
        else:
            return htmx.see_other(target, done)
    return shown(form), 422
