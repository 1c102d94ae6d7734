"""Empty the outbox: claim, render, hand over on one connection for the batch, note what became of each mail."""

from __future__ import annotations

import logging
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from tracker import clock, crashes
from tracker.config import Config
from tracker.errors import Busy, ShopError
from tracker.mail import transport
from tracker.mail.compose import Letter
from tracker.mail.formats import plural
from tracker.mail.render import Rendered, ShopFacts, render
from tracker.mail.servers import MailServer
from tracker.mail.trouble import LoginRefused, MailTrouble, PermanentlyRefused, TemporarilyRefused
from tracker.shop import links, notifications, outbox, settings
from tracker.shop.notifications import Notice
from tracker.shop.outbox import Mail

BATCH = 50  # mails claimed, and sent on one connection, at a time
BUDGET = 240.0  # seconds that one run may deliver; what is left waits for the next one
MOST_BREAKS = 2  # connections lost in a row before the rest of the batch waits
_INSIST = 4  # times that "sent" is written down when the books are busy

log = logging.getLogger(__name__)


@dataclass
class Summary:
    """What one run did. `paused` is the sentence of a server that can't be used."""

    sent: int = 0
    later: int = 0
    failed: list[str] = field(default_factory=list)  # addresses
    unsure: list[str] = field(default_factory=list)
    paused: str = ""

    @property
    def tried(self) -> int:
        return self.sent + self.later + len(self.failed) + len(self.unsure)

    @property
    def sentence(self) -> str:
        """For the run's record; empty when there was nothing to do."""
        parts = [f"{plural(self.sent, 'mail')} sent"] if self.sent else []
        parts += [f"{self.later} to be tried again"] if self.later else []
        parts += [f"not sent to {', '.join(self.failed[:5])}{_more(self.failed)}"] if self.failed else []
        parts += [f"unsure about {', '.join(self.unsure[:5])}{_more(self.unsure)}"] if self.unsure else []
        words = f"{'; '.join(parts)}." if parts else ""
        return " ".join(part for part in (words[:1].upper() + words[1:], self.paused) if part)


class _NotOurs(Exception):
    """The mail was taken from this worker while it prepared to send: it must not go."""


def everything(owner: str, config: Config, password: str) -> Summary:
    """Deliver batch after batch until nothing is due, the server can't be used, or the time for one run is up."""
    server, shop = server_of(settings.current(), config, password), shop_of(settings.current(), config)
    done, until = Summary(), clock.monotonic() + BUDGET
    while server.host and clock.monotonic() < until and deliver(owner, BATCH, server, shop, config, done):
        pass
    return done


def server_of(chosen: settings.Settings, config: Config, password: str) -> MailServer:
    """The mail server of the settings page or the environment, with the password that `ops.secrets` keeps."""
    return MailServer(
        host=chosen.smtp_host,
        port=chosen.smtp_port,
        user=chosen.smtp_user,
        password=password,
        tls=chosen.smtp_tls,
        sender=chosen.smtp_from,
        sender_name=chosen.shop_name,
        timeout=config.smtp_timeout_seconds,
    )


def shop_of(chosen: settings.Settings, config: Config) -> ShopFacts:
    """What mails say about the shop."""
    return ShopFacts.of(chosen.shop_name, chosen.base_url or config.url, chosen.locale)


def deliver(owner: str, limit: int, server: MailServer, shop: ShopFacts, config: Config, done: Summary) -> bool:
    """Claim at most `limit` due mails and send them. Adds to `done`; True when another batch may be worth a look."""
    waiting = deque(outbox.claim(owner, limit))
    if not waiting:
        return False
    connection: transport.Connection | None = None
    was_paused, breaks = outbox.paused() is not None, 0
    try:
        while waiting and breaks < MOST_BREAKS:
            if connection is None or not connection.is_open():
                connection = transport.connect(server)
            letter = _letter(waiting[0], server, shop, done)
            if letter is not None:
                breaks = 0 if _one(connection, waiting[0], *letter, done) else breaks + 1
                if was_paused and not breaks:
                    outbox.resume()
                    was_paused = False
            waiting.popleft()
    except (MailTrouble, Busy) as problem:
        _pause(problem, config, done)
    finally:
        for mail in waiting:
            _insist(partial(outbox.put_back, mail))
        if connection is not None:
            connection.close()
    return not waiting


def _letter(mail: Mail, server: MailServer, shop: ShopFacts, done: Summary) -> tuple[Letter, Rendered] | None:
    """The mail in its envelope; None when it can't be written, which is final."""
    try:
        rendered = render(mail.kind, _facts(mail), shop)
        to, sender = (mail.to_address, mail.to_name), (server.from_address, server.sender_name)
        return Letter(rendered, mail.kind, to, sender, mail.message_id), rendered
    except ShopError as error:
        _failed(mail, "connect", error.message, "", done)
    except Exception as error:  # a fault in a template must not stop the other mails
        log.exception("mail %s (%s) can't be written", mail.id, mail.kind)
        _failed(mail, "connect", "This mail could not be written: a fault in the program.", repr(error), done)
    return None


@dataclass
class _Try:
    """One try of one mail, and how far it got."""

    mail: Mail
    rendered: Rendered
    stage: str = "connect"

    def body_goes_now(self) -> None:
        """Commit that from here on the mail may have been sent."""
        if not outbox.entering_data(self.mail, *_kept(self.mail, self.rendered)):
            raise _NotOurs
        self.stage = "data"
        crashes.at("mail.data")


def _one(connection: transport.Connection, mail: Mail, letter: Letter, rendered: Rendered, done: Summary) -> bool:
    """Hand one mail over and write down what became of it. False when the connection was lost on it.

    Raises LoginRefused when the server wants nothing from this account: the mail is back among the waiting.
    """
    this = _Try(mail, rendered)
    try:
        crashes.at("mail.connect")
        reply = transport.send(connection, letter, this.body_goes_now)
        crashes.at("mail.accepted")
    except _NotOurs:
        return True
    except (LoginRefused, Busy) as error:
        if this.stage == "connect":
            raise
        return _broken(this, error, done)
    except PermanentlyRefused as error:
        _failed(mail, this.stage, error.message, error.words, done)
    except TemporarilyRefused as error:
        _later(mail, this.stage, error.message, error.words, done)
        return error.code not in (0, 421)
    except Exception as error:
        return _broken(this, error, done)
    else:
        _insist(lambda: outbox.mark_sent(mail, reply))
        done.sent += 1
    return True


def _broken(this: _Try, error: Exception, done: Summary) -> bool:
    """What no server says: the line broke before its answer, or the program is at fault. The connection is lost."""
    words = error.words if isinstance(error, MailTrouble) else repr(error)
    if not isinstance(error, MailTrouble):
        log.error("mail %s", this.mail.id, exc_info=error)
    if this.stage == "data":
        _unsure(this.mail, words, done)
    else:
        _later(this.mail, this.stage, "A fault in the program.", words, done)
    return False


def _facts(mail: Mail) -> dict[str, Any]:
    """The stored facts; a one-time link, of which the outbox keeps only the number, is made whole. Raises NotFound."""
    facts = mail.facts
    return {**facts, "link": links.url(facts["link_id"])} if "link_id" in facts else facts


def _kept(mail: Mail, rendered: Rendered) -> tuple[str, str, str]:
    """Subject, HTML and text as the outbox page shows them later: a one-time link is not kept."""
    link = _facts(mail).get("link")
    if not link:
        return rendered.subject, rendered.html, rendered.text
    shown = "#one-time-link-not-kept"
    html = rendered.html.replace(link.replace("&", "&amp;"), shown).replace(link, shown)
    return rendered.subject, html, rendered.text.replace(link, "(one-time link, not kept)")


def _failed(mail: Mail, stage: str, sentence: str, words: str, done: Summary) -> None:
    outbox.mark_failed(mail, stage, sentence, words)
    done.failed.append(mail.to_address)
    message = f"The mail for {mail.to_address} was not sent. {sentence}"
    notifications.tell("problem", Notice(f"mail:{mail.to_address}", message, "/health", "warning"))


def _later(mail: Mail, stage: str, sentence: str, words: str, done: Summary) -> None:
    outbox.back_off(mail, stage, sentence, words)
    done.later += 1


def _unsure(mail: Mail, words: str, done: Summary) -> None:
    _insist(lambda: outbox.hold(mail, words))
    if outbox.get(mail.id).state != "held":  # a double of this kind does no harm: it is tried again
        done.later += 1
        return
    done.unsure.append(mail.to_address)
    message = f"The mail for {mail.to_address} may have been sent: the connection broke at the last moment."
    notifications.tell("problem", Notice(f"mail:{mail.id}", message, "/health", "warning"))


def _pause(problem: MailTrouble | Busy, config: Config, done: Summary) -> None:
    """The server can't be used: one sentence for all, and a probe now and then."""
    done.paused = problem.message
    if isinstance(problem, Busy):
        return
    if outbox.pause(problem.message, problem.words, config.smtp_probe_seconds):
        log.warning("mail waits: %s (%s)", problem.message, problem.words)
        message = f"No mail goes out just now. {problem.message}"
        notifications.tell("problem", Notice("mail:paused", message, "/health", "critical"))


def _insist(write: Callable[[], None]) -> None:
    # The mail is out: if this is not written down, it counts as unsure after the next start.
    for left in reversed(range(_INSIST)):
        try:
            return write()
        except Busy:
            if not left:
                raise
            time.sleep(0.5)


def _more(addresses: list[str]) -> str:
    return f" and {len(addresses) - 5} more" if len(addresses) > 5 else ""
