"""Posts a message to a webhook, and to nothing else: HTTPS, no redirect, no address inside the own network.

The address comes from a person, so the host that answers is looked at when the connection stands and before a byte
leaves: a name that points to this machine or its network reaches nobody. Through a proxy of the environment the proxy
connects, and its rules hold instead.
"""

from __future__ import annotations

import hashlib
import hmac
import ipaddress
import time
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import requests
import urllib3.exceptions
from django.conf import settings
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool

from monday.core.addresses import is_loopback

TIMEOUTS = (5.0, 10.0)  # seconds to connect, and between two pieces of the answer's head; its body is not waited for
Address = ipaddress.IPv4Address | ipaddress.IPv6Address
TRANSLATED = [ipaddress.IPv6Network(each) for each in ("::/96", "::ffff:0:0:0/96", "64:ff9b::/96", "64:ff9b:1::/48")]
"""Networks whose addresses end in one of version 4."""
AGAIN = frozenset({408, 425, 429})  # refusals that pass by themselves, beside those from 500 on


class Forbidden(urllib3.exceptions.HTTPError):
    """The host stands in a network that no webhook may reach."""


@dataclass(frozen=True, slots=True)
class Posted:
    """How it went: `ok`, whether trying `again` later may help, and `words` without the address."""

    ok: bool
    again: bool
    words: str


def wrong(address: str) -> str:
    """Why this cannot be a webhook's address, in one sentence; "" where it can."""
    try:
        parts = urlsplit(address)
        host, _ = parts.hostname or "", parts.port
    except ValueError:
        return "The address cannot be read. Remedy: copy it again."
    if not address.isprintable() or " " in address or not host or parts.username or parts.password:
        return "The address cannot be read. Remedy: copy it again, whole, without user and password."
    if parts.scheme == "https" or (parts.scheme == "http" and host in settings.NOTIFY_HOSTS and is_loopback(host)):
        return ""
    return "A webhook's address begins with https://. Remedy: copy it again."


def post(address: str, body: bytes, *, delivery: str, secret: str = "") -> Posted:
    """One POST of JSON; `delivery` names it, so that a receiver may drop what comes twice. Opens no transaction."""
    if sentence := wrong(address):
        return Posted(False, False, sentence)
    headers = {"Content-Type": "application/json", "User-Agent": "Ordersite", "X-Ordersite-Delivery": delivery}
    if secret:
        headers["X-Ordersite-Signature"] = signature(body, secret, int(time.time()))
    try:
        with (
            _session() as session,
            session.post(
                address,
                data=body,
                headers=headers,
                timeout=TIMEOUTS,
                allow_redirects=False,
                stream=True,
                auth=lambda request: request,  # or a .netrc file would put a password in
            ) as answer,
        ):
            return _told(answer.status_code)
    except (requests.RequestException, urllib3.exceptions.HTTPError, OSError) as problem:
        return _unanswered(problem)


def signature(body: bytes, secret: str, at: int) -> str:
    """The header by which a receiver knows who wrote: `t` is the second of sending, `v1` HMAC-SHA256 of "t.body"."""
    signed = hmac.new(secret.encode(), f"{at}.".encode() + body, hashlib.sha256).hexdigest()
    return f"t={at},v1={signed}"


def reachable(host: str, address: str) -> bool:
    """Whether a webhook at `host` may be at this network address. Hosts of the own network are named by a setting."""
    all_found = _meant(ipaddress.ip_address(address.partition("%")[0]))
    if host in settings.NOTIFY_HOSTS:
        return not any(found.is_link_local or found.is_multicast or found.is_unspecified for found in all_found)
    return all(found.is_global and not found.is_multicast for found in all_found)


def _meant(found: Address) -> list[Address]:
    """The address, and the one of version 4 that a gateway or a tunnel would make of it."""
    if isinstance(found, ipaddress.IPv4Address):
        return [found]
    if found.ipv4_mapped:
        return [found.ipv4_mapped]
    if found.is_site_local:  # given up as a kind of its own, and still somebody's network
        return [ipaddress.IPv6Address("fc00::")]
    last = ipaddress.IPv4Address(int(found) & 0xFFFF_FFFF)
    if any(found in network for network in TRANSLATED):
        return [found, last]
    return [found, *([found.sixtofour] if found.sixtofour else [])]


def _told(status: int) -> Posted:
    if 200 <= status < 300:
        return Posted(True, False, f"taken (HTTP {status})")
    if 300 <= status < 400:
        words = f"HTTP {status}: it leads elsewhere, which is not followed. Remedy: enter the final address"
        return Posted(False, False, words)
    again = status in AGAIN or status >= 500
    return Posted(False, again, f"HTTP {status}" + ("" if again else ". Remedy: check the address"))


def _unanswered(problem: Exception) -> Posted:
    """No answer. The problem's own words may hold the address, so only its kind is told."""
    cause: BaseException | None = problem
    seen: set[int] = set()
    while cause is not None and id(cause) not in seen:
        seen.add(id(cause))
        inner = next((arg for arg in (getattr(cause, "reason", None), *cause.args) if isinstance(arg, Exception)), None)
        if isinstance(cause, Forbidden):
            words = "its host is inside the own network. Remedy: name the host in NOTIFY_HOSTS if that is meant"
            return Posted(False, False, words)
        cause = inner or cause.__cause__ or cause.__context__
    return Posted(False, True, f"no answer ({type(problem).__name__})")


def _looked_at(connection: Any, made: Any) -> Any:
    if connection.proxy is None and not reachable(connection.host.strip("[]"), made.getpeername()[0]):
        made.close()
        raise Forbidden("inside the own network")
    return made


class _Plain(HTTPConnection):
    def _new_conn(self) -> Any:
        return _looked_at(self, super()._new_conn())


class _Secure(HTTPSConnection):
    def _new_conn(self) -> Any:
        return _looked_at(self, super()._new_conn())


class _PlainPool(HTTPConnectionPool):
    ConnectionCls = _Plain


class _SecurePool(HTTPSConnectionPool):
    ConnectionCls = _Secure


class _Adapter(HTTPAdapter):
    """Looks at who answers before anything is sent; tries nothing twice by itself."""

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, **kwargs)
        self.poolmanager.pool_classes_by_scheme = {"http": _PlainPool, "https": _SecurePool}


def _session() -> requests.Session:
    session = requests.Session()
    for scheme in ("https://", "http://"):
        session.mount(scheme, _Adapter())
    return session
