"""What every test run shares. Tests under tests/core run without Django and bring their own configuration."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest

# Before anything imports them: their asserts explain themselves like those of a test.
pytest.register_assert_rewrite("tests.world", "tests.people", "tests.wire", "tests.journeys.typed")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--tsql", action="store_true", help="compile every query that runs for SQL Server, and lint it")


@pytest.fixture(autouse=True)
def tsql(request: pytest.FixtureRequest) -> Iterator[None]:
    """A test marked `tsql`, every one with `--tsql`, fails over a query that SQL Server would refuse."""
    if not (request.config.getoption("--tsql") or request.node.get_closest_marker("tsql")):
        yield
        return
    from tests.tsql import offline
    from tests.tsql.compiled import compiling

    if offline.unavailable():
        yield
        return
    with compiling() as found:
        yield
    assert found.problems() == {}


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Name what was left out and why, so that a green run on a bare machine does not say more than it shows."""
    reasons = Counter(reason for report in terminalreporter.stats.get("skipped", []) if (reason := skip_reason(report)))
    if reasons:
        terminalreporter.section("left out here")
    for reason, number in sorted(reasons.items()):
        terminalreporter.line(f"{number} x {reason}")


def skip_reason(report: pytest.TestReport) -> str:
    """The reason that a skip gave, without pytest's own prefix; "" for an expected failure."""
    if not isinstance(report.longrepr, tuple):
        return ""
    return str(report.longrepr[2]).removeprefix("Skipped: ")
