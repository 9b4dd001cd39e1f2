"""The part of the torture that fits into the suite; `make torture` does the whole."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from tests.journeys.installation import TOP, postgres_answers

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not hasattr(os, "fork"), reason="this system forks no processes"),
]
postgres = pytest.mark.skipif(not postgres_answers(), reason="no PostgreSQL server on 127.0.0.1:5432")


def torture(*words: str, part: str = "torture") -> tuple[int, str]:
    """The exit code and what was printed."""
    command = [sys.executable, "-m", f"tests.faults.{part}", *words]
    done = subprocess.run(command, cwd=TOP, capture_output=True, text=True, timeout=900)
    print(done.stdout, done.stderr)
    return done.returncode, done.stdout


def test_runs_killed_at_random_instants_leave_the_board_equal_to_the_table() -> None:
    code, said = torture("seeded", "--kills", "20", "--seed", "7")
    assert code == 0 and ", 20 kills" in said


@pytest.mark.long
def test_a_run_killed_before_or_after_a_commit_or_a_request_is_finished_by_the_next() -> None:
    code, said = torture("enumerated", "--every", "61", "--seed", "11")
    assert code == 0 and " kills" in said


@pytest.mark.long
@postgres
def test_two_workers_that_are_killed_while_every_job_comes_twice_lose_and_double_nothing() -> None:
    code, _ = torture("seeded", "--kills", "10", "--seed", "3", "--workers", "2", "--postgres", "--twice")
    assert code == 0


@pytest.mark.long
def test_without_the_look_up_before_creations_the_torture_finds_items_that_stand_twice() -> None:
    lossy = ("seeded", "--kills", "2", "--seed", "5", "--lossy")
    code, _ = torture(*lossy)
    assert code == 0
    code, said = torture(*lossy, "--blind")
    assert code == 1 and "two items carry" in said


@pytest.mark.long
@postgres
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="processes are found in /proc")
def test_two_clusters_that_are_killed_again_and_again_finish_and_leave_no_claim() -> None:
    words = ("--customers", "4", "--changes", "60", "--kills", "6", "--seed", "3")
    code, said = torture(*words, part="clusters")
    assert code == 0 and "killed 6 times" in said
