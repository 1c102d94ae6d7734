"""Delivers what waits in the outbox: at once when something is queued, and whenever the sweeper finds something due."""

from __future__ import annotations

from typing import Any

from tracker import config
from tracker.mail import deliver
from tracker.ops import secrets
from tracker.ops.job_runs import Finish, JobRun, Work
from tracker.shop import outbox


def run(run: JobRun) -> Finish:
    """Sends batch after batch until nothing is due; each mail's state is committed on its own."""
    here = config.load()
    done = deliver.everything(run.owner or "", here, secrets.smtp_password(here))

    def write() -> Work:
        if not done.tried:
            return Work(done.sentence or "No mail was waiting.", "nothing", {"mails": 0})
        return Work(done.sentence, "done", {"mails": done.sent})

    return write


def preview() -> dict[str, Any]:
    waiting = outbox.listing(("queued",), limit=500)
    return {
        "recipients": sorted({mail.to_address for mail in waiting}),
        "mails": [{"kind": mail.kind, "to": mail.to_address, "due_at": mail.due_at} for mail in waiting],
        "sentence": f"{len(waiting)} mail{'s' if len(waiting) != 1 else ''} would be sent.",
    }
