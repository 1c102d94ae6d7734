"""How often somebody may guess: tries are counted in the books, the wait grows to a minute, never longer.

A try is counted before the answer is known, so that many at once can't slip through; a right answer takes it back.
Whoever sits at the shop's PC has a count of their own with a short wait: guesses from phones never lock the owner out.
"""

from __future__ import annotations

import hashlib
import ipaddress
import math
from dataclasses import dataclass
from datetime import datetime, timedelta

import peewee

from tracker import clock, db, text

WINDOW = timedelta(minutes=15)  # tries older than this are forgotten


class LoginFailure(db.Model):
    """One try that was not (or not yet) right. `subject` is a hash: people type passwords into the name's field."""

    subject = peewee.TextField()
    at = db.InstantField()


@dataclass(frozen=True)
class Gate:
    """One count: so many tries are free, then the wait doubles from `first` to `longest` seconds."""

    subject: str
    free: int = 3
    first: int = 2
    longest: int = 60

    def wait_after(self, tries: int) -> int:
        if tries < self.free:
            return 0
        return min(self.longest, self.first * 2 ** min(tries - self.free, 10))


def for_login(login: str, address: str) -> tuple[Gate, ...]:
    """The counts of a log-in: at most ten guesses a minute at one account."""
    name = hashlib.sha256(text.key(login).encode("utf-8", "replace")).hexdigest()[:32]
    if is_this_pc(address):
        return (Gate(f"pc:{name}", longest=10),)
    return Gate(f"name:{name}"), Gate(f"address:{address}", free=10)


def for_reset(login: str, address: str) -> tuple[Gate, ...]:
    """The counts of "I forgot my password": mails to one person, and asking from one address."""
    name = hashlib.sha256(text.key(login).encode("utf-8", "replace")).hexdigest()[:32]
    return Gate(f"reset:{name}", free=3, first=20), Gate(f"reset-from:{address}", free=10)


def for_code(address: str) -> tuple[Gate, ...]:
    """The counts of the set-up code: six digits, so few guesses from anywhere."""
    return Gate("set-up code", free=5, first=10), Gate(f"set-up code:{address}", free=3, first=10)


def take(gates: tuple[Gate, ...]) -> int:
    """Count a try at every gate and return 0; or, if one of them must wait, count nothing and return the seconds."""
    with db.write():
        now = clock.now()
        # After the clock was set back, tries of "later" would block for as long as it was wrong: they happened by now.
        LoginFailure.update(at=now).where(LoginFailure.at > now).execute()
        LoginFailure.delete().where(LoginFailure.at < now - WINDOW).execute()
        wait = max(_seconds_left(gate) for gate in gates)
        if not wait:
            for gate in gates:
                LoginFailure.create(subject=gate.subject, at=now)
    return wait


def forgive(gates: tuple[Gate, ...]) -> None:
    """The answer was right: the tries at these gates are forgotten, except that an address forgets only this one."""
    with db.write():
        for gate in gates:
            rows = LoginFailure.select(LoginFailure.id).where(LoginFailure.subject == gate.subject)
            if gate.subject.startswith(("address:", "reset-from:")):
                rows = rows.order_by(LoginFailure.id.desc()).limit(1)
            LoginFailure.delete().where(LoginFailure.id.in_(rows)).execute()


def is_this_pc(address: str) -> bool:
    """Whether a request came from the shop's PC itself."""
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return False
    mapped = getattr(found, "ipv4_mapped", None)
    return (mapped or found).is_loopback


def _seconds_left(gate: Gate) -> int:
    tries, last = db.rows("SELECT count(*), max(at) FROM login_failure WHERE subject = ?", gate.subject)[0]
    if not tries:
        return 0
    passed = (clock.now() - datetime.fromisoformat(last)).total_seconds()
    return max(0, math.ceil(gate.wait_after(tries) - passed))
