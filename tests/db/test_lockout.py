"""Guessing passwords: five tries for an account from one address, and nobody else is shut out."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import User
from django.http import HttpResponse
from django.test import Client, RequestFactory
from django.utils import timezone

from ordersite.lockout import UNKNOWN, address

from .admin_line import PASSWORD

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def anna() -> User:
    return User.objects.create_user("anna", password=PASSWORD, is_staff=True)


def sign_in(password: str, *, name: str = "anna", where: str = "10.0.0.1") -> HttpResponse:
    return Client(REMOTE_ADDR=where).post("/login/", {"username": name, "password": password, "next": "/"})


def test_the_fifth_wrong_password_closes_the_account_to_that_address_alone() -> None:
    assert [sign_in(f"wrong {n}").status_code for n in range(4)] == [200] * 4
    closed = sign_in("wrong 5")
    assert closed.status_code == 429
    assert closed["Retry-After"] == "900"
    assert "closed to it for 15 minutes" in closed.content.decode()
    assert sign_in(PASSWORD).status_code == 429, "the right password too"
    assert sign_in(PASSWORD, where="10.0.0.2").status_code == 302, "from elsewhere she comes in"
    User.objects.create_user("ben", password=PASSWORD, is_staff=True)
    assert sign_in(PASSWORD, name="ben").status_code == 302, "a colleague of the same office comes in"


def test_it_opens_by_itself(time_machine: Any) -> None:
    for n in range(5):
        sign_in(f"wrong {n}")
    time_machine.move_to(timezone.now() + timezone.timedelta(minutes=16))
    assert sign_in(PASSWORD).status_code == 302


def test_a_right_password_forgets_the_wrong_ones_before_it() -> None:
    for n in range(4):
        sign_in(f"wrong {n}")
    assert sign_in(PASSWORD).status_code == 302
    assert [sign_in(f"wrong {n}").status_code for n in range(4)] == [200] * 4


def test_a_made_up_address_opens_no_further_tries(settings: Any) -> None:
    request = RequestFactory().get("/", REMOTE_ADDR="10.9.9.9", headers={"X-Forwarded-For": "1.2.3.4, 10.0.0.7"})
    assert address(request) == "10.9.9.9", "without a proxy the header is the visitor's own word"
    settings.BEHIND_PROXY = True
    assert address(request) == "10.0.0.7", "the last one is what the proxy saw"


@pytest.mark.parametrize(
    ("named", "expected"),
    [
        ("203.0.113.9", "203.0.113.9"),
        ("203.0.113.9:52114", "203.0.113.9"),
        ("2001:db8::7", "2001:db8::7"),
        ("[2001:db8::7]:52114", "2001:db8::7"),
        ("[2001:db8::7]", "2001:db8::7"),
        ("fe80::1%eth0", "fe80::1"),
        ("unix:", UNKNOWN),
        ("unknown", UNKNOWN),
        ("999.1.1.1", UNKNOWN),
    ],
)
def test_a_port_that_the_proxy_adds_makes_nobody_another_visitor(settings: Any, named: str, expected: str) -> None:
    settings.BEHIND_PROXY = True
    request = RequestFactory().get("/", headers={"X-Forwarded-For": f"1.2.3.4, {named}"})
    assert address(request) == expected


def test_whoever_comes_by_a_socket_of_this_machine_is_let_in_and_closed_out_like_others() -> None:
    """A database's column for addresses keeps nothing else."""
    assert [sign_in(f"wrong {n}", where="localhost").status_code for n in range(5)] == [200] * 4 + [429]
    User.objects.create_user("ben", password=PASSWORD, is_staff=True)
    assert sign_in(PASSWORD, name="ben", where="").status_code == 302


def test_a_name_that_is_longer_than_any_persons_is_refused_before_it_is_kept() -> None:
    answer = sign_in("wrong", name="x" * 5000)
    assert (answer.status_code, b"at most 150 characters" in answer.content) == (200, True)
