"""How close to a limit a push stays without being refused, alone and beside another process, in real seconds.

The windows are two seconds instead of sixty. The board is served over HTTP, and its own counters are what is measured.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from django.db import connections

from monday.budgets import SharedBudget
from monday.client import MondayClient
from monday.core.calls import Call
from monday.core.operations import CreateItem, Done
from monday.sandbox.limits import Limits
from monday.token import Token

from .sandbox_world import BOARD, World, structure, world

WINDOW = 2.0
PACE = Limits(requests=1_000, concurrency=10, complexity=1_000_000, window=WINDOW)
A_WINDOW = 99  # creations, at a little more than 10,000 points each
TOP = Path(__file__).resolve().parents[2]


class Silent:
    """A journal that keeps nothing."""

    def sending(self, indices: object, key: str) -> None: ...

    def answered(self, outcomes: object) -> None: ...


@contextmanager
def pusher(address: str, calls: list[Call], budget: SharedBudget | None) -> Iterator[MondayClient]:
    client = MondayClient(address=f"{address}/v2", token=Token("t"), recorder=calls.append, budget=budget)
    try:
        if budget is not None:
            budget.belongs_to(client.identity().account_id)
        yield client
    finally:
        client.close()


def create(client: MondayClient, number: int, who: str = "") -> None:
    operations = [CreateItem(BOARD, "harbour", f"Order {who}{n}", {"text_key": f"{who}{n}"}) for n in range(number)]
    tokens = [f"{who}{n}" for n in range(number)]
    outcomes = client.write(operations, board=structure(), tokens=tokens, journal=Silent())
    assert all(isinstance(outcome, Done) for outcome in outcomes)


def refused(board: World) -> int:
    """Requests that the board answered with 429."""
    with board.store.connection() as db:
        return int(db.execute("SELECT count(*) FROM requests WHERE status = 429").fetchone()[0])


def busiest_window(calls: list[Call]) -> int:
    """The most operations that left within any one window."""
    left = [(call.at, call.operations) for call in calls]
    return max(sum(n for at, n in left if begin <= at < begin + WINDOW * 0.95) for begin, _ in left)


def share_of_ceiling(calls: list[Call]) -> float:
    """Operations that left from the first window to the beginning of the last, of those that the limit allows."""
    begins = [0, *(place for place, call in enumerate(calls) if call.waited > 0.1)]
    sent = sum(call.operations for call in calls[: begins[-1]])
    return sent / ((calls[begins[-1]].at - calls[0].at) / WINDOW * 100)


def test_a_push_keeps_to_the_ceiling_and_close_below_it(tmp_path: Path) -> None:
    calls: list[Call] = []
    with world(tmp_path, limits=PACE) as board, pusher(board.address, calls, None) as client:
        create(client, 4 * A_WINDOW)  # the bench does this for thirty seconds
        assert refused(board) <= 2
        assert busiest_window(calls) <= 100
        assert share_of_ceiling(calls) >= 0.95


@pytest.mark.django_db(transaction=True)
def test_two_processes_at_once_stay_inside_the_same_ceiling(tmp_path: Path) -> None:
    each = 3 * A_WINDOW // 2
    with world(tmp_path, limits=PACE) as board:
        with pusher(board.address, [], SharedBudget(address=f"{board.address}/v2")):
            pass  # the row is there before both begin
        environment = {**os.environ, "PUSH_TO": board.address}
        environment["DATABASE_URL"] = _address_of(connections["default"].settings_dict)
        command = [sys.executable, "-m", "tests.contracts.pushing", str(each)]
        began = time.monotonic()
        both = [
            subprocess.Popen([*command, who], cwd=TOP, env=environment, stdout=subprocess.PIPE, text=True)
            for who in ("first ", "second ")
        ]
        told = [process.communicate(timeout=120)[0] for process in both]
        took = time.monotonic() - began
        assert [process.returncode for process in both] == [0, 0], told
        with board.store.connection() as db:
            made = int(db.execute("SELECT count(*) FROM items WHERE state = 'active'").fetchone()[0])
        assert made == 2 * each
        assert refused(board) <= 2
        assert took >= (2 * each / 100 - 1) * WINDOW  # no faster than the account allows


def _address_of(settings: dict[str, object]) -> str:
    if settings["ENGINE"] != "django.db.backends.sqlite3":
        pytest.skip("the two processes meet in an SQLite file")
    return f"sqlite:///{settings['NAME']}"
