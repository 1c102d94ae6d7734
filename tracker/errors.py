"""What may go wrong in a shop's terms: each message is a sentence for the shopkeeper."""

from __future__ import annotations


class ShopError(Exception):
    """Something a person can mend; `message` is fit to be shown to the shopkeeper.

    `field` names the form field (or import column) that the sentence is about, if there is one.
    """

    status = 400

    def __init__(self, message: str, field: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.field = field


class Refused(ShopError):
    """A rule of the books says no; nothing was written."""

    status = 422


class NotFound(ShopError):
    """There is no such thing (or it is not for this person to know)."""

    status = 404


class NotAllowed(ShopError):
    """This person's role may not do this."""

    status = 403


class Busy(ShopError):
    """Somebody else holds what is needed: a running worker, a running job, a locked file."""

    status = 409


class Misconfigured(ShopError):
    """A setting from the environment or `.env` makes no sense; the message names it."""

    status = 500


class DataError(ShopError):
    """The data folder can't be used as it is: newer, broken, foreign or not writable."""

    status = 503
