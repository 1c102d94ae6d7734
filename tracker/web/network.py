"""The addresses under which phones of the same Wi-Fi reach this PC."""

from __future__ import annotations

import ipaddress
import socket
from urllib.parse import urlsplit

import psutil

from tracker.config import Config
from tracker.shop import settings

_EVERY = ("0.0.0.0", "::", "")  # noqa: S104 - compared with
_listens_on = ""  # what `host_to_bind` answered when this process started


def lan_addresses() -> list[str]:
    """This PC's own private IPv4 addresses, the most likely Wi-Fi or cable first."""
    up = {name for name, state in psutil.net_if_stats().items() if state.isup}
    found = []
    for name, addresses in psutil.net_if_addrs().items():
        for one in addresses:
            if one.family == socket.AF_INET and name in up and _is_lan(one.address):
                found.append((_rank(name), one.address))
    return [address for _, address in sorted(found)]


def lan_url(config: Config) -> str:
    """What a phone should open, or nothing when this PC has no such address."""
    addresses = lan_addresses()
    if config.host not in _EVERY and _is_lan(config.host):
        addresses = [config.host]
    return f"http://{addresses[0]}:{config.port}" if addresses else ""


def host_to_bind(config: Config) -> str:
    """Where the web process listens: everywhere while "Phones on this Wi-Fi" is on, unless TRACKER_HOST decides."""
    global _listens_on
    open_to_phones = settings.current().phones_on_wifi and "TRACKER_HOST" not in config.fixed
    _listens_on = "0.0.0.0" if open_to_phones else config.host  # noqa: S104 - the owner switched it on
    return _listens_on


def is_open(config: Config) -> bool:
    """Whether this process listens to more than the PC itself."""
    host = _listens_on or config.host
    return host in _EVERY or not _is_loopback_host(host)


def is_loopback(url: str) -> bool:
    """Whether an address works on this PC only."""
    return _is_loopback_host(urlsplit(url).hostname or "")


def _is_loopback_host(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


def _is_lan(address: str) -> bool:
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return False
    return found.is_private and not found.is_loopback and not found.is_link_local


def _rank(name: str) -> int:
    lowered = name.lower()
    if any(word in lowered for word in ("docker", "veth", "virtual", "vbox", "vmware", "br-", "wsl", "tun", "tap")):
        return 2
    return 0 if any(word in lowered for word in ("wl", "wi-fi", "wifi")) else 1
