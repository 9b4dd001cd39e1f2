"""The web server as the files for a server start it, asked as a proxy asks it that ends HTTPS."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.client import HTTPConnection, HTTPResponse
from pathlib import Path

import pytest

from tests.journeys.installation import TOP, Installation, free_port, kill, until

pytestmark = pytest.mark.slow

HOST = "orders.example.com"
SETTINGS = {
    "PRODUCTION": "1",
    "SECRET_KEY": "k3-Zr8_wq0Yl6vXn2TsE9bUaJ5hGdM1oPfRc7iKtWjQxLyVzBeNuHmSgDaOp4C",
    "ALLOWED_HOSTS": HOST,
    "CSRF_TRUSTED_ORIGINS": f"https://{HOST}",
    "BEHIND_PROXY": "1",
    "MONDAY_API_TOKEN": "word",
}


def of_systemd() -> list[str]:
    unit = (TOP / "deploy/systemd/ordersite-web.service").read_text(encoding="utf-8")
    return shlex.split(re.search(r"^ExecStart=\S+/waitress-serve (.*)$", unit, re.MULTILINE)[1])  # type: ignore[index]


def of_the_image() -> list[str]:
    file = (TOP / "deploy/Containerfile").read_text(encoding="utf-8")
    return list(json.loads(re.search(r"^CMD (\[\"waitress-serve.*\])$", file, re.MULTILINE)[1])[1:])  # type: ignore[index]


def of_the_document() -> list[str]:
    found = re.findall(r"`waitress-serve ([^`]*)`", (TOP / "docs/running.md").read_text(encoding="utf-8"))
    assert len(set(found)) == 1, "servers and Windows are told the same"
    return shlex.split(found[0])


@contextmanager
def serving(place: Installation, arguments: list[str]) -> Iterator[int]:
    port = free_port()
    words = [re.sub(r"--listen=.*", f"--listen=127.0.0.1:{port}", word) for word in arguments]
    with (place.folder / "web.log").open("ab") as log:
        child = subprocess.Popen(
            [sys.executable, "-m", "waitress", *words],
            cwd=TOP,
            env=place.env,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        until(lambda: answers(port))
        yield port
    finally:
        kill(child)


def answers(port: int) -> bool:
    try:
        return ask(port, "/healthz").status == 200
    except OSError:
        return False


def ask(port: int, path: str, **headers: str) -> HTTPResponse:
    line = HTTPConnection("127.0.0.1", port, timeout=30)
    try:
        line.request("GET", path, headers={"Host": HOST, **{k.replace("_", "-"): v for k, v in headers.items()}})
        response = line.getresponse()
        response.read()
        return response
    finally:
        line.close()


@pytest.mark.parametrize("arguments", [of_systemd, of_the_image, of_the_document])
def test_a_page_asked_by_https_is_shown_and_not_sent_round_in_circles(
    tmp_path: Path, arguments: Callable[[], list[str]]
) -> None:
    place = Installation(tmp_path, **SETTINGS)
    place.manage("migrate", "--verbosity", "0")
    with serving(place, arguments()) as port:
        shown = ask(port, "/login/", X_Forwarded_Proto="https", X_Forwarded_For="192.0.2.7")
        plain = ask(port, "/login/", X_Forwarded_Proto="http")
    assert (shown.status, plain.status) == (200, 301)
    assert "max-age=31536000" in str(shown.headers["Strict-Transport-Security"])
    assert "Secure" in str(shown.headers["Set-Cookie"])
    assert plain.headers["Location"] == f"https://{HOST}/login/"
