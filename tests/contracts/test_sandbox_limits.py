"""The four limits, their headers, and the memory of idempotency keys."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from monday.sandbox.app import SandboxApp
from monday.sandbox.behaviour import Behaviour
from monday.sandbox.limits import PLANS, Limits
from monday.sandbox.settings_file import OddSetting
from monday.sandbox.store import SandboxStore
from monday.sandbox.transport import SandboxAdapter, sandbox_session

from .sandbox_world import BOARD, World, world

CREATE_ONE = f'mutation {{ create_item(board_id: {BOARD}, item_name: "x") {{ id }} }}'
ME = "{ me { id } }"
NOON = 1_800_014_400.0


def _limited(tmp_path: Path, limits: Limits, now: list[float], **settings: Any) -> Any:
    return world(tmp_path, limits=limits, clock=lambda: now[0], **settings)


def _refusal(answer: Any) -> dict[str, Any]:
    assert answer.status_code == 429, answer.text
    return answer.json()["errors"][0]["extensions"]


def test_without_a_plan_nothing_is_limited_and_no_header_is_sent(tmp_path: Path) -> None:
    with world(tmp_path) as free:
        answer = free.post(ME)
        assert "RateLimit" not in answer.headers


def test_every_answer_tells_what_is_left(tmp_path: Path) -> None:
    with world(tmp_path, plan="pro") as paid:
        answer = paid.post(CREATE_ONE)
        policy, left = answer.headers["RateLimit-Policy"], answer.headers["RateLimit"]
        assert '"minuteRate";q=2500;w=60' in policy
        assert '"concurrency";q=100;qu="concurrent-requests"' in policy
        assert '"complexityMinute";q=10000000;w=60;qu="content-bytes"' in policy
        assert '"minuteRate";r=2499' in left and '"concurrency";r=100' in left
        assert '"complexityMinute";r=99899' in left and ";t=60" in left
        assert paid.ask("{ platform_api { daily_limit { base total } } }") == {
            "platform_api": {"daily_limit": {"base": 10_000, "total": 10_000}}
        }


def test_the_minute_rate_refuses_and_comes_back_after_its_window(tmp_path: Path) -> None:
    now = [NOON]
    with _limited(tmp_path, Limits(requests=2), now) as board:
        assert [board.post(ME).status_code for _ in range(3)] == [200, 200, 429]
        answer = board.post(ME)
        assert _refusal(answer)["code"] == "MINUTE_RATE_LIMIT_EXCEEDED"
        assert answer.headers["Retry-After"] == "60"
        now[0] += 61
        assert board.post(ME).status_code == 200


def test_the_complexity_of_a_minute_runs_out_before_anything_is_done(tmp_path: Path) -> None:
    now = [NOON]
    with _limited(tmp_path, Limits(complexity=25_000), now) as board:
        assert [board.post(CREATE_ONE).status_code for _ in range(3)] == [200, 200, 429]
        refusal = _refusal(board.post(CREATE_ONE))
        assert refusal["code"] == "COMPLEXITY_BUDGET_EXHAUSTED" and refusal["retry_in_seconds"] == 60
        assert board.ask(f"{{ boards(ids: [{BOARD}]) {{ items_count }} }}")["boards"][0]["items_count"] == 2


def test_a_failed_operation_gives_most_of_its_cost_back(tmp_path: Path) -> None:
    now = [NOON]
    with _limited(tmp_path, Limits(complexity=100_000), now) as board:
        before = board.ask("{ complexity { before } }")["complexity"]["before"]
        board.post(CREATE_ONE.replace('"x"', '""'))
        after = board.ask("{ complexity { before } }")["complexity"]["before"]
        assert 1_000 <= before - after < 1_100


def test_a_request_beyond_five_million_points_is_refused(tmp_path: Path) -> None:
    document = (
        "mutation {"
        + " ".join(f'a{n}: create_item(board_id: {BOARD}, item_name: "x") {{ id }}' for n in range(501))
        + "}"
    )
    with world(tmp_path, plan="enterprise") as board:
        assert board.errors(document)[0]["extensions"]["code"] == "ComplexityException"


def test_daily_calls_end_at_midnight_and_refused_ones_weigh_a_tenth(tmp_path: Path) -> None:
    now = [NOON]
    with _limited(tmp_path, Limits(daily_calls=2, complexity=15_000), now) as board:
        assert board.post(CREATE_ONE).status_code == 200
        assert _refusal(board.post(CREATE_ONE))["code"] == "COMPLEXITY_BUDGET_EXHAUSTED"
        assert board.post(ME).status_code == 200
        refusal = _refusal(board.post(ME))
        assert refusal["code"] == "DAILY_LIMIT_EXCEEDED"
        now[0] += refusal["retry_in_seconds"]
        assert now[0] % 86_400 == 0
        assert board.post(ME).status_code == 200


def test_too_many_requests_at_once_are_refused(tmp_path: Path) -> None:
    store = SandboxStore(tmp_path / "s.sqlite3")
    inner: list[int] = []

    def twin(_seconds: float) -> None:
        inner.append(_post(app, ME).status)

    app = SandboxApp(store, limits=Limits(concurrency=1), latency_ms=5, sleep=twin)
    app.handle("POST", "/v2", {"Authorization": "t"}, _body(ME.replace("{ me", "query { me")))
    assert inner == [429]
    store.close()


def _body(query: str) -> bytes:
    return json.dumps({"query": query}).encode()


def _post(app: SandboxApp, query: str, **headers: str) -> Any:
    return app.handle("POST", "/v2", {"Authorization": "t", **headers}, _body(query))


def test_two_processes_share_one_budget(tmp_path: Path) -> None:
    first, second = SandboxStore(tmp_path / "s.sqlite3"), SandboxStore(tmp_path / "s.sqlite3")
    apps = [SandboxApp(store, limits=Limits(requests=3)) for store in (first, second)]
    statuses = [_post(apps[n % 2], ME).status for n in range(5)]
    assert statuses == [200, 200, 200, 429, 429]
    first.close()
    second.close()


def test_the_plans_are_those_of_the_rate_limits_page() -> None:
    assert (PLANS["free"].daily_calls, PLANS["pro"].requests, PLANS["enterprise"].concurrency) == (1_000, 2_500, 250)
    with pytest.raises(OddSetting, match="no setting 'request'"):
        PLANS["pro"].with_settings({"request": 5})
    assert PLANS["pro"].with_settings({"window": 2}).window == 2.0


def _names(board: World) -> int:
    return board.ask(f"{{ boards(ids: [{BOARD}]) {{ items_count }} }}")["boards"][0]["items_count"]


def test_the_same_key_gets_the_first_answer_and_writes_once(tmp_path: Path) -> None:
    now = [NOON]
    with world(tmp_path, clock=lambda: now[0]) as board:
        first = board.post(CREATE_ONE, Idempotency_Key="k1")
        again = board.post(CREATE_ONE, Idempotency_Key="k1")
        assert again.content == first.content and again.headers["Idempotency-Replayed"] == "true"
        assert "Idempotency-Replayed" not in first.headers
        other = board.post(CREATE_ONE.replace('"x"', '"y"'), Idempotency_Key="k1")
        assert other.content == first.content
        assert _names(board) == 1
        now[0] += 1_801
        assert board.post(CREATE_ONE, Idempotency_Key="k1").content != first.content
        assert _names(board) == 2


def test_a_key_with_another_body_may_be_refused_instead(tmp_path: Path) -> None:
    with world(tmp_path, behaviour=Behaviour(idempotency_replays_other_body=False)) as board:
        first = board.post(CREATE_ONE, Idempotency_Key="k1")
        other = board.post(CREATE_ONE.replace('"x"', '"y"'), Idempotency_Key="k1")
        assert other.status_code == 422 and _names(board) == 1
        assert board.post(CREATE_ONE, Idempotency_Key="k1").content == first.content


def test_keys_belong_to_a_token_and_queries_have_none(tmp_path: Path) -> None:
    with world(tmp_path) as board:
        board.post(CREATE_ONE, Idempotency_Key="k1")
        board.post(CREATE_ONE, Idempotency_Key="k1", Authorization="another-token")
        assert _names(board) == 2
        assert "Idempotency-Replayed" not in board.post(ME, Idempotency_Key="k2").headers
        assert "Idempotency-Replayed" not in board.post(ME, Idempotency_Key="k2").headers


def test_a_running_twin_answers_409_and_a_killed_one_is_forgotten(tmp_path: Path) -> None:
    now = [NOON]
    store = SandboxStore(tmp_path / "s.sqlite3")
    app = SandboxApp(store, clock=lambda: now[0], settle_seconds=60)
    with store.connection() as db:
        app._api.keys.claim(db, "t", "k1", b"")  # the request of a process that was killed before it answered
    twin = _post(app, CREATE_ONE, **{"Idempotency-Key": "k1"})
    assert (twin.status, twin.headers["Retry-After"]) == (409, "1")
    now[0] += 61
    assert _post(app, CREATE_ONE, **{"Idempotency-Key": "k1"}).status == 200
    store.close()


@pytest.mark.parametrize("behaviour", [Behaviour(idempotency_stores=False), Behaviour(idempotency_answer_cap=10)])
def test_an_answer_that_is_not_kept_is_not_replayed(tmp_path: Path, behaviour: Behaviour) -> None:
    with world(tmp_path, behaviour=behaviour) as board:
        board.post(CREATE_ONE, Idempotency_Key="k1")
        board.post(CREATE_ONE, Idempotency_Key="k1")
        assert _names(board) == 2


def test_a_refusal_by_a_limit_is_not_kept_under_its_key(tmp_path: Path) -> None:
    now = [NOON]
    with _limited(tmp_path, Limits(complexity=15_000), now) as board:
        board.post(CREATE_ONE)
        assert board.post(CREATE_ONE, Idempotency_Key="k1").status_code == 429
        now[0] += 61
        assert board.post(CREATE_ONE, Idempotency_Key="k1").status_code == 200


def test_a_server_that_runs_out_of_time_stops_and_answers_504(tmp_path: Path) -> None:
    now = [NOON]

    def slow(seconds: float) -> None:
        now[0] += seconds

    document = (
        "mutation {"
        + " ".join(f'a{n}: create_item(board_id: {BOARD}, item_name: "x") {{ id }}' for n in range(5))
        + "}"
    )
    with world(tmp_path, clock=lambda: now[0], sleep=slow, latency_ms=25_000) as board:
        answer = board.post(document)
        assert answer.status_code == 504
        assert _names(board) == 3


def test_the_adapter_stands_in_an_ordinary_session(tmp_path: Path) -> None:
    with sandbox_session(tmp_path / "s.sqlite3") as session:
        assert isinstance(session.get_adapter("http://sandbox.ordersite/v2"), SandboxAdapter)
        answer = session.post(
            "http://sandbox.ordersite/v2", json={"query": ME}, headers={"Authorization": "t"}, timeout=5
        )
        assert answer.json()["data"]["me"]["id"] and answer.headers["x-ordersite-settle"] == "0"
