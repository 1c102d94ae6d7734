"""Where mail goes out: the server's facts, and a good guess of them from an address alone."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass, field


@dataclass(frozen=True)
class MailServer:
    """Where mail goes out. `tls` is `starttls`, `ssl` or `plain`; empty means ssl on port 465, else starttls."""

    host: str
    port: int = 0
    user: str = ""
    password: str = field(default="", repr=False)
    tls: str = ""
    sender: str = ""
    sender_name: str = ""
    timeout: float = 20.0

    @property
    def security(self) -> str:
        return self.tls or ("ssl" if self.port == 465 else "starttls")

    @property
    def door(self) -> int:
        """The port, or the usual one for this kind of encryption."""
        return self.port or {"ssl": 465, "plain": 25}.get(self.security, 587)

    @property
    def from_address(self) -> str:
        """The sender's address: the one set, else the user name where that is an address."""
        return self.sender or (self.user if "@" in self.user else "")


def reach(host: str) -> str:
    """How far away a host is by its name alone: `pc` (this one), `network` (the shop's), `anywhere`."""
    try:
        address = ipaddress.ip_address(host.strip("[]"))
        return "pc" if address.is_loopback else "anywhere" if address.is_global else "network"
    except ValueError:
        if host == "localhost" or host.endswith(".localhost"):
            return "pc"
        return (
            "network" if "." not in host or host.endswith((".local", ".lan", ".home.arpa", ".internal")) else "anywhere"
        )


# Domain of the address -> server, port. Source: each provider's own help pages on SMTP settings.
_KNOWN = {
    "smtp.gmail.com": (587, ("gmail.com", "googlemail.com")),
    "smtp-mail.outlook.com": (
        587,
        ("outlook.com", "hotmail.com", "live.com", "msn.com", "hotmail.co.uk", "outlook.fr"),
    ),
    "smtp.mail.yahoo.com": (
        465,
        ("yahoo.com", "ymail.com", "rocketmail.com", "yahoo.co.uk", "yahoo.fr", "yahoo.co.in"),
    ),
    "smtp.zoho.com": (465, ("zoho.com", "zohomail.com")),
    "smtp.mail.me.com": (587, ("icloud.com", "me.com", "mac.com")),
    "smtp.fastmail.com": (465, ("fastmail.com", "fastmail.fm")),
    "smtp.aol.com": (465, ("aol.com",)),
    "mail.gmx.com": (587, ("gmx.com",)),
    "mail.gmx.net": (587, ("gmx.net", "gmx.de", "gmx.at", "gmx.ch")),
    "smtp.web.de": (587, ("web.de",)),
    "securesmtp.t-online.de": (465, ("t-online.de",)),
    "smtp.orange.fr": (465, ("orange.fr", "wanadoo.fr")),
    "smtp.yandex.com": (465, ("yandex.com", "yandex.ru")),
    "smtp.mail.ru": (465, ("mail.ru", "inbox.ru", "list.ru", "bk.ru")),
    "smtp.qq.com": (465, ("qq.com",)),
}


def deduce(address: str) -> MailServer:
    """The likely server of an e-mail address, to be shown and changed; without an address, nothing."""
    domain = address.strip().rpartition("@")[2].lower()
    for host, (port, domains) in _KNOWN.items():
        if domain in domains:
            return MailServer(host, port, user=address.strip(), sender=address.strip())
    host = f"smtp.{domain}" if domain else ""
    return MailServer(host, 587, user=address.strip(), sender=address.strip())
