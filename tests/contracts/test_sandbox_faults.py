"""Every fault comes as it is asked for, over real HTTP and in the caller's process."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import requests

from monday.sandbox import faults
from monday.sandbox.behaviour import Behaviour
from monday.sandbox.limits import PLANS
from monday.sandbox.settings_file import OddSetting
from monday.sandbox.transport import SandboxAdapter

from .sandbox_world import BOARD, World, world

TWO = f"""mutation {{ a0: create_item(board_id: {BOARD}, item_name: "a") {{ id }}
  a1: create_item(board_id: {BOARD}, item_name: "b") {{ id }} }}"""
COUNT = f"{{ boards(ids: [{BOARD}]) {{ items_count }} }}"


@contextmanager
def faulty(tmp_path: Path, way: str, *script: dict[str, Any], seed: int = 0, **settings: Any) -> Iterator[World]:
    file = faults.from_data({"seed": seed, "faults": list(script)})
    with world(tmp_path, faults=file.script, **settings) as made:
        if way == "in process":
            made.address = "http://sandbox.ordersite"
            made.session.mount(made.address, SandboxAdapter(made.app))
        yield made


both_ways = pytest.mark.parametrize("way", ["http", "in process"])


def _count(board: World) -> int:
    return board.ask(COUNT)["boards"][0]["items_count"]


@both_ways
@pytest.mark.parametrize(
    ("kind", "status", "code"),
    [
        ("minute_limit", 429, "MINUTE_RATE_LIMIT_EXCEEDED"),
        ("concurrency_limit", 429, "maxConcurrencyExceeded"),
        ("complexity_limit", 429, "COMPLEXITY_BUDGET_EXHAUSTED"),
        ("daily_limit", 429, "DAILY_LIMIT_EXCEEDED"),
        ("ip_limit", 429, "IP_RATE_LIMIT_EXCEEDED"),
        ("locked", 423, "ResourceLockedException"),
        ("server_error", 500, "INTERNAL_SERVER_ERROR"),
    ],
)
def test_a_whole_request_is_refused_and_nothing_is_written(
    tmp_path: Path, way: str, kind: str, status: int, code: str
) -> None:
    with faulty(tmp_path, way, {"kind": kind, "at": [1], "retry_after": 7}) as board:
        answer = board.post(TWO, Idempotency_Key="k")
        assert (answer.status_code, answer.json()["errors"][0]["extensions"]["code"]) == (status, code)
        if status != 500:
            assert answer.headers["Retry-After"] == "7"
        assert _count(board) == 0
        assert board.post(TWO, Idempotency_Key="k").json()["data"]["a1"]


def test_a_refusal_comes_in_another_spelling_or_without_a_code(tmp_path: Path) -> None:
    script = (
        {"kind": "concurrency_limit", "at": [1], "code": "MAX_CONCURRENCY_EXCEEDED", "message": "Slow down"},
        {"kind": "call_limit", "at": [2]},
        {"kind": "field_limit", "at": [3], "code": "FIELD_MINUTE_RATE_LIMIT_EXCEEDED"},
        {"kind": "blocked", "at": [4]},
    )
    with faulty(tmp_path, "http", *script) as board:
        first, second, third, fourth = (board.post(TWO).json()["errors"][0] for _ in range(4))
        assert _count(board) == 1
    assert (first["extensions"]["code"], first["message"]) == ("MAX_CONCURRENCY_EXCEEDED", "Slow down")
    assert "code" not in second["extensions"] and "Call limit exceeded" in second["message"]
    assert fourth["extensions"]["code"] == "API_TEMPORARILY_BLOCKED"
    assert third["extensions"]["code"] == "FIELD_MINUTE_RATE_LIMIT_EXCEEDED"


def test_a_refusal_may_keep_the_time_to_itself_or_tell_it_in_milliseconds(tmp_path: Path) -> None:
    script = (
        {"kind": "minute_limit", "at": [1], "retry_after": 0},
        {"kind": "ingest_limit", "at": [2], "retry_after": 1.5},
    )
    with faulty(tmp_path, "http", *script) as board:
        silent, other = board.post(TWO), board.post(TWO)
        assert "Retry-After" not in silent.headers and "retry_in_seconds" not in silent.text
        assert other.json()["errors"][0]["extensions"]["retryAfterMs"] == 1500


@both_ways
@pytest.mark.parametrize(("kind", "written"), [("gateway_before", 0), ("html", 0), ("gateway_after", 2)])
def test_a_gateways_page_comes_before_or_after_the_writing(tmp_path: Path, way: str, kind: str, written: int) -> None:
    with faulty(tmp_path, way, {"kind": kind, "at": [1], "status": 504}) as board:
        answer = board.post(TWO)
        assert (answer.status_code, answer.headers["Content-Type"]) == (504, "text/html; charset=utf-8")
        assert _count(board) == written


@both_ways
@pytest.mark.parametrize(("kind", "written"), [("drop_before", 0), ("drop_after", 2)])
def test_a_connection_drops_before_or_after_the_writing(tmp_path: Path, way: str, kind: str, written: int) -> None:
    with faulty(tmp_path, way, {"kind": kind, "at": [1]}) as board:
        with pytest.raises(requests.ConnectionError):
            board.post(TWO, Idempotency_Key="k")
        assert _count(board) == written
        again = board.post(TWO, Idempotency_Key="k")
        assert ("Idempotency-Replayed" in again.headers) == (written == 2)
        assert _count(board) == 2


@both_ways
def test_an_answer_is_cut_in_the_middle_after_the_writing(tmp_path: Path, way: str) -> None:
    with faulty(tmp_path, way, {"kind": "cut", "at": [1]}) as board:
        with pytest.raises((requests.ConnectionError, requests.exceptions.ChunkedEncodingError)):
            board.post(TWO)
        assert _count(board) == 2


@both_ways
def test_a_slow_answer_is_given_up_after_the_writing(tmp_path: Path, way: str) -> None:
    with faulty(tmp_path, way, {"kind": "slow", "at": [1], "seconds": 1}) as board:
        with pytest.raises(requests.ReadTimeout):
            board.session.post(
                f"{board.address}/v2", json={"query": TWO}, headers={"Authorization": "t"}, timeout=(5, 0.2)
            )
        assert _count(board) == 2


def test_an_operation_is_refused_by_a_field_limit_inside_a_200(tmp_path: Path) -> None:
    with faulty(tmp_path, "http", {"kind": "field_limit", "at": [1], "alias": 0, "retry_after": 4}) as board:
        answer = board.post(TWO)
        assert answer.status_code == 200 and answer.json()["data"]["a0"] is None and answer.json()["data"]["a1"]
        extensions = answer.json()["errors"][0]["extensions"]
        assert (extensions["code"], extensions["status_code"], extensions["retry_in_seconds"]) == (
            "FIELD_LIMIT_EXCEEDED",
            429,
            4,
        )


@pytest.mark.parametrize(("kind", "written"), [("missing_alias", 2), ("skipped_alias", 1)])
def test_an_alias_is_missing_from_the_answer_done_or_not(tmp_path: Path, kind: str, written: int) -> None:
    with faulty(tmp_path, "http", {"kind": kind, "at": [1], "alias": 1}) as board:
        answer = board.post(TWO).json()
        assert set(answer["data"]) == {"a0"} and "errors" not in answer
        assert _count(board) == written


def test_a_legacy_error_comes_flat(tmp_path: Path) -> None:
    with faulty(tmp_path, "http", {"kind": "legacy_error", "at": [1]}) as board:
        answer = board.post(TWO)
        assert answer.status_code == 200 and answer.json()["error_code"] == "ComplexityException"
        assert "data" not in answer.json() and _count(board) == 0


def test_labels_and_columns_change_under_the_callers_feet(tmp_path: Path) -> None:
    board_and = {"board": BOARD}
    script = (
        {"kind": "label_deactivated", "at": [2], "column": "color_s", "label": "Done", **board_and},
        {"kind": "column_deleted", "at": [3], "column": "text_po", **board_and},
        {"kind": "column_retyped", "at": [4], "column": "text_key", "column_type": "numbers", **board_and},
    )
    with faulty(tmp_path, "http", *script) as board:
        item = board.create()
        assert "deactivated" in board.change(item, color_s={"label": "Done"}).json()["errors"][0]["message"]
        assert board.change(item, text_po="x").json()["errors"][0]["extensions"]["code"] == "InvalidColumnIdException"
        assert board.change(item, text_key="x").json()["errors"][0]["extensions"]["code"] == "ColumnValueException"


def test_faults_strike_named_operations_and_as_often_as_they_may(tmp_path: Path) -> None:
    with faulty(tmp_path, "http", {"kind": "server_error", "every": 1, "times": 2, "on": "create_item"}) as board:
        assert [board.post(COUNT).status_code, *(board.post(TWO).status_code for _ in range(3))] == [200, 500, 500, 200]


def test_the_same_seed_gives_the_same_faults() -> None:
    def struck(seed: int) -> list[int]:
        script = faults.from_data({"seed": seed, "faults": [{"kind": "locked", "rate": 0.1}]}).script
        return [n for n in range(1, 1001) if script._strikes(script.faults[0], 0, n)]

    assert struck(1) == struck(1) != struck(2)
    assert 60 < len(struck(1)) < 140


@pytest.mark.parametrize(
    "data",
    [
        {"faults": [{"kind": "no_such"}]},
        {"faults": [{"kind": "locked"}]},
        {"faults": [{"kind": "locked", "at": "three"}]},
        {"faults": [{"kind": "locked", "at": [1], "colour": 3}]},
        {"faults": [{"kind": "locked", "rate": 10}]},
        {"faults": [{"kind": "slow", "every": 1, "seconds": -1}]},
        {"faults": "locked"},
        {"fault": []},
        "text",
    ],
)
def test_an_odd_script_is_refused_with_a_remedy(data: object) -> None:
    with pytest.raises(OddSetting, match="Remedy"):
        faults.from_data(data)


def test_odd_behaviour_and_limits_are_refused_with_a_remedy() -> None:
    with pytest.raises(OddSetting, match="Europe/London"):
        Behaviour.from_mapping({"time_zone": "Mars/Olympus"})
    with pytest.raises(OddSetting, match="negative"):
        PLANS["pro"].with_settings({"daily_calls": -1})


def test_the_word_on_may_stand_without_quotes_though_yaml_takes_it_for_yes(tmp_path: Path) -> None:
    file = tmp_path / "faults.yaml"
    file.write_text("faults: [{kind: locked, every: 1, on: create_item}]", encoding="utf-8")
    assert faults.read(file).script.faults[0].on == "create_item"


def test_the_example_names_every_kind_and_can_be_read() -> None:
    example = Path(__file__).resolve().parents[2] / "docs" / "example-faults.yaml"
    file = faults.read(example)
    assert {fault.kind for fault in file.script.faults} == faults.KINDS
    Behaviour.from_mapping(file.behaviour)
    PLANS["pro"].with_settings(file.limits)


def test_a_file_holds_faults_behaviour_and_limits(tmp_path: Path) -> None:
    path = tmp_path / "faults.yaml"
    path.write_text("seed: 3\nfaults:\n  - {kind: cut, every: 5}\nbehaviour: {server_timeout: 5}\n", encoding="utf-8")
    file = faults.read(path)
    assert (file.script.seed, file.script.faults[0].every) == (3, 5)
    assert Behaviour.from_mapping(file.behaviour).server_timeout == 5.0
    with pytest.raises(OddSetting, match="no setting"):
        Behaviour.from_mapping({"nonsense": 1})
    with pytest.raises(OddSetting, match="cannot be read"):
        faults.read(tmp_path / "missing.yaml")
