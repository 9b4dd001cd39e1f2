"""Rubbish in addresses and forms, drawn by seed over every page of the site: never a 500.

`FUZZ=20000` asks that many addresses and posts that many forms; `FUZZ_SEED` draws others.
"""

from __future__ import annotations

import os
import random
from html.parser import HTMLParser
from typing import Any
from urllib.parse import quote, urlencode

import pytest
from django.contrib.auth.models import User
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import NoReverseMatch, get_resolver, reverse

from tests.browser.places import places
from tests.db.admin_line import opened_line, staged
from tests.world import World

pytestmark = pytest.mark.django_db(databases=["default", "orders", "intake"])

ROUNDS = int(os.environ.get("FUZZ", "60"))
SEED = int(os.environ.get("FUZZ_SEED", "1"))
WORDS = [
    *("", "0", "-1", "1", "2", "99999999", "9" * 19, "9" * 40, "-" + "9" * 30, "1e999", "NaN", "inf", "1.5", "٣", "²"),
    *("\x00", "a\x00b", "%00", "%", "%%", "%s", "{0}", "{{x}}", "'", '"', "' OR 1=1 --", "\\", "\n", "\r\nX: y", "\t"),
    *("2026-02-31", "0000-00-00", "9999-12-31T99:99:99", "2026-11-25", "25:61", "null", "None", "true", "[]", "{}"),
    *(
        "\ud7ff",
        "\U0001f9f5",
        "\u202e",
        "x" * 3000,
        "1,2,x",
        "../../etc/passwd",
        "javascript:alert(1)",
        "//evil.example",
    ),
    *(
        "staged",
        "sandbox",
        "TEST",
        "PRODUCTION",
        "csv",
        "xlsx",
        "id",
        "pk",
        "on",
        "yes",
        "batch:1",
        "run:1",
        "A1",
        "-id",
    ),
]
RAW = ["%ff", "%c3%28", "%ed%a0%80", "%u0041", "%", "%zz", "a%00b", "%F0%28%8C%BC", "a;b=c", "a=b=c", "+%2B+"]
"""Values as they stand in an address, some of them no UTF-8."""
BODIES = [
    ("application/x-www-form-urlencoded", b"text=%ff&ids=%c3%28&\xff\xfe=\x00&ids"),
    ("application/x-www-form-urlencoded", b"&".join(b"f%d=1" % number for number in range(1500))),
    ("multipart/form-data", b"no boundary"),
    ("multipart/form-data; boundary=x", b'--x\r\nContent-Disposition: form-data; name="text"\r\n\r\n\xff\x00'),
    (
        "multipart/form-data; boundary=x",
        b'--x\r\nContent-Disposition: form-data; name="file"; filename="\xff"\r\n\r\n\xd0',
    ),
    ("application/json", b"{"),
    ("text/plain; charset=utf-7", b"+AGE-"),
    ("application/x-www-form-urlencoded; charset=nonsense", b"text=a"),
]
"""What a program might post instead of a form."""
NAMES = [
    *("q", "p", "o", "e", "all", "format", "after", "part", "changes", "ids", "orders", "order", "code", "customer"),
    *(
        "_popup",
        "_to_field",
        "_changelist_filters",
        "_save",
        "_continue",
        "_selected_action",
        "action",
        "index",
        "next",
    ),
    *("id", "id__exact", "id__in", "id__gte", "id__year", "pk", "pk__gt", "state", "state__exact", "state__in", "mode"),
    *("board", "field", "take", "kind", "document", "version", "at", "started_at__year", "at__day", "__", "x__y__z"),
    *(
        "batch__customer__name__regex",
        "state[]",
        "\x00",
        "password",
        "reason",
        "text",
        "name",
        "limit",
        "kwargs",
        "file",
    ),
]


@pytest.fixture
def line(world: World, settings: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> World:
    settings.FILES_DIR = str(tmp_path / "files")
    line = opened_line(world, settings, monkeypatch)
    line.add(9, CUSTOMER="B'HOOD")
    line.sync()
    staged(line, 1, 2)
    User.objects.create_superuser("root", password="a-long-password-1")
    return line


def strongest() -> Client:
    client = Client(raise_request_exception=False)
    client.force_login(User.objects.get(username="root"))
    return client


def patterns() -> list[tuple[str, list[str]]]:
    """Every named address of the site with the names of its parts."""
    found = []

    def walk(resolver: Any, space: str) -> None:
        for each in resolver.url_patterns:
            if hasattr(each, "url_patterns"):
                walk(each, f"{space}{each.namespace}:" if each.namespace else space)
            elif each.name and each.name not in ("logout", "login", "readyz"):
                found.append((f"{space}{each.name}", list(each.pattern.converters) or [""] * each.pattern.regex.groups))

    walk(get_resolver(), "")
    return found


def addresses(draw: random.Random) -> list[str]:
    """Every address once, its parts filled with what they might be or with rubbish."""
    made = []
    for name, parts in patterns():
        for _ in range(6):
            values = [draw.choice(["1", "2", "3", "7", *WORDS]) for _ in parts]
            try:
                made.append(reverse(name, args=values))
                break
            except (NoReverseMatch, ValueError, UnicodeError):
                continue
    return made


def query(draw: random.Random) -> str:
    pairs = [(draw.choice(NAMES), draw.choice(WORDS)) for _ in range(draw.randint(1, 4))]
    pairs += [(pairs[0][0], draw.choice(WORDS))] * draw.choice([0, 0, 1, 40])  # the same parameter again
    raw = [f"{draw.choice(NAMES[:9])}={draw.choice(RAW)}"] if draw.random() < 0.3 else []
    return "&".join([urlencode(pairs, errors="replace"), *raw])


class Forms(HTMLParser):
    """The forms of a page that are sent by POST: where to, and their fields."""

    def __init__(self) -> None:
        super().__init__()
        self.forms: list[tuple[str, dict[str, str]]] = []
        self.inside = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag == "form":
            self.inside = given.get("method", "").lower() == "post"
            if self.inside:
                self.forms.append((given.get("action", ""), {}))
        elif self.inside and tag in ("input", "select", "textarea", "button") and given.get("name"):
            self.forms[-1][1][given["name"]] = given.get("value", "")

    def handle_endtag(self, tag: str) -> None:
        self.inside = self.inside and tag != "form"


def forms(client: Client) -> list[tuple[str, dict[str, str]]]:
    found = []
    for place in places().values():
        page = client.get(place)
        if page.status_code == 200 and page.headers["Content-Type"].startswith("text/html"):
            parser = Forms()
            parser.feed(page.content.decode())
            for action, fields in parser.forms:
                to = action or place
                if to.startswith("?"):
                    to = place.partition("?")[0] + to
                if to.startswith("/") and not to.startswith(("/logout", "/sandbox")):
                    found.append((to, fields))
    return found


def struck(draw: random.Random, fields: dict[str, str]) -> dict[str, Any]:
    """The form as a person might send it, with some of its fields, and some that it has not, filled with rubbish."""
    sent: dict[str, Any] = {name: value for name, value in fields.items() if name != "csrfmiddlewaretoken"}
    for name in draw.sample(sorted(sent), min(len(sent), draw.randint(1, 3))):
        sent[name] = draw.choice([draw.choice(WORDS), [draw.choice(WORDS), draw.choice(WORDS)]])
    if draw.random() < 0.4:
        sent[draw.choice(NAMES)] = draw.choice(WORDS)
    if "file" in sent:
        sent["file"] = SimpleUploadedFile(draw.choice(["x.csv", "x.xlsx", "a/b", "\u202ex"]), draw.randbytes(60))
    return {name: value for name, value in sent.items() if draw.random() < 0.95}


def test_no_rubbish_in_an_address_breaks_a_page(line: World) -> None:
    client, draw, broken, asked = strongest(), random.Random(SEED), [], 0
    while asked < ROUNDS:
        for address in addresses(draw)[: ROUNDS - asked]:
            asked += 1
            place = f"{address}?{query(draw)}"
            status = client.get(place).status_code
            broken += [(quote(place[:200]), status)] if status >= 500 else []
    assert not broken, broken


def test_no_rubbish_in_a_form_breaks_a_page(line: World) -> None:
    client, draw, broken = strongest(), random.Random(SEED), []
    found = forms(client)
    assert len(found) > 20
    for at in range(ROUNDS):
        to, fields = found[at % len(found)]
        sent = struck(draw, fields)
        status = client.post(to, sent).status_code
        broken += [(to, sent, status)] if status >= 500 else []
    assert not broken, broken


def test_no_body_that_is_no_form_breaks_a_page(line: World) -> None:
    client, draw, broken = strongest(), random.Random(SEED), []
    for address in addresses(draw)[:: max(1, 240 // ROUNDS)]:
        kind, body = draw.choice(BODIES)
        status = client.generic("POST", address, body, content_type=kind).status_code
        broken += [(address, kind, body, status)] if status >= 500 else []
    assert not broken, broken
