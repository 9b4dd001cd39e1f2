"""Which addresses are this machine's own."""

from __future__ import annotations

from ipaddress import ip_address
from urllib.parse import urlsplit


def is_loopback(host: str) -> bool:
    """True for this machine's own addresses, which leave it on no wire."""
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def is_local(address: str) -> bool:
    """True for a URL that this machine itself answers. Raises ValueError for one that cannot be read."""
    return is_loopback(urlsplit(address).hostname or "")
