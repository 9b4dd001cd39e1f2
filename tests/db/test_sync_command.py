"""`sync_orders --json`: one document with every documented key, however the run ends, and the documented exit code."""

from __future__ import annotations

import json
import signal
from io import StringIO
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import requests
from django.core.management import CommandError, call_command
from django.db import OperationalError
from requests import Session

from monday.management.stopping import STOPPED
from monday.sandbox.faults import Fault
from staging.core.counts import Counts
from staging.core.lifecycle import BatchState
from staging.core.ports import SourceRefused
from staging.models import SyncRun
from staging.models.run import RunState
from staging.sync_row import finish
from tests.core.mapping_samples import COLUMNS
from tests.world import World

SCHEMA_FILE = Path(__file__).resolve().parents[2] / "docs/sync_orders.schema.json"
SCHEMA = jsonschema.Draft202012Validator(json.loads(SCHEMA_FILE.read_text(encoding="utf-8")))
KEYS = {
    *("schema_version", "run_id", "mode", "status", "error", "counts", "batches", "api", "duration_s", "warnings"),
    *("dry_run", "would_stage", "unknown_customers"),
}
API = {"calls", "mutations", "retries", "waited_s"}
DURATIONS = {"detect", "stage", "check", "push", "total"}
COUNTS = {
    *("read", "unchanged", "new", "changed", "waiting", "rekeyed", "invalid", "duplicate", "removed", "deferred"),
    *("staged", "pending", "applied", "created", "updated", "removed_from_board", "restored", "held", "rejected"),
    *("skipped", "unclear"),
}


@pytest.fixture
def line(world: World, settings: Any, monkeypatch: pytest.MonkeyPatch) -> World:
    """A world that the command works in: its board is the local one, and its rows are the order table."""
    settings.SANDBOX_STORE = str(world.store.path)

    def session(store: str) -> Session:
        return world._session(world.wire)

    monkeypatch.setattr("staging.wiring.sandbox_session", session)
    monkeypatch.setattr("staging.wiring.source", lambda mappings: world.source)
    monkeypatch.setattr("monday.line.Line.pause", lambda self, seconds: None)
    return world


def run(*arguments: str) -> tuple[int, dict[str, Any], str]:
    """Exit code, the one document, and what was said beside it."""
    out, err, code, said = StringIO(), StringIO(), 0, ""
    try:
        call_command("sync_orders", "--json", *arguments, stdout=out, stderr=err)
    except SystemExit as end:
        code = int(end.code or 0)
    except CommandError as refused:
        code, said = refused.returncode, str(refused)
    (text,) = out.getvalue().splitlines()
    document = json.loads(text)
    complete(document)
    return code, document, said + err.getvalue()


def complete(document: dict[str, Any]) -> None:
    """It is what the published schema says, every documented key is there, and the sums hold."""
    SCHEMA.validate(document)
    assert set(document) >= KEYS
    assert set(document["counts"]) == COUNTS
    assert set(document["api"]) == API
    assert set(document["duration_s"]) == DURATIONS
    assert Counts.from_json(document["counts"]).problems() == []
    for batch in document["batches"]:
        assert set(batch) >= {"id", "customer", "state", "counts"}
        assert set(batch["counts"]) == {"pending", "applied", "held", "rejected", "skipped", "unclear"}


def test_a_run_that_pushed(line: World) -> None:
    line.add(1)
    code, document, _ = run()
    assert (code, document["status"], document["mode"], document["error"]) == (0, "completed", "TEST", None)
    assert document["counts"]["created"] == 1
    assert document["run_id"] == SyncRun.objects.get().pk
    assert document["api"]["mutations"] > 0
    assert [batch["state"] for batch in document["batches"]] == ["pushed"]
    code, document, _ = run()
    assert (document["counts"]["unchanged"], document["api"]["mutations"], document["batches"]) == (1, 0, [])


def test_a_run_of_which_an_order_was_rejected(line: World) -> None:
    line.add(1)
    gone = Fault("column_deleted", every=1, on="create_item", board=line.board.board_id, column="numeric_price")
    line.strike(gone)
    code, document, _ = run()
    assert (code, document["status"], document["counts"]["rejected"]) == (3, "with_errors", 1)


def test_a_run_that_waits_for_a_person(line: World, monkeypatch: pytest.MonkeyPatch) -> None:
    line.add(1)
    monkeypatch.setattr("staging.sync._policy", lambda *arguments: "")
    code, document, _ = run()
    assert (code, document["status"], document["counts"]["pending"]) == (0, "waiting", 1)
    assert run("--detailed-exitcode")[0] == 4


def test_a_dry_run(line: World) -> None:
    line.add(1)
    code, document, _ = run("--dry-run")
    assert (code, document["dry_run"], document["run_id"], document["counts"]["staged"]) == (0, True, None, 1)
    assert [entry["orders"] for entry in document["would_stage"]] == [1]


def test_a_run_that_could_not_begin_says_what_was_asked_for(line: World) -> None:
    code, document, _ = run("--mode", "PRODUCTION", "--dry-run")
    assert (code, document["mode"], document["dry_run"], document["run_id"]) == (2, "PRODUCTION", True, None)
    assert run("--mode", "PRODUCTION")[1]["dry_run"] is False


def test_a_run_whose_connection_to_the_app_database_broke_off_is_ended_over_a_new_one(
    line: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object, **_named: object) -> None:
        raise OperationalError("the connection is lost")

    def over_a_new_connection(*arguments: Any) -> None:
        monkeypatch.setattr("staging.sync.finish", finish)
        broken()

    monkeypatch.setattr("staging.sync.check", broken)
    monkeypatch.setattr("staging.sync.finish", over_a_new_connection)
    line.add(1)
    out = StringIO()
    with pytest.raises(OperationalError):
        call_command("sync_orders", "--json", stdout=out)
    document = json.loads(out.getvalue())
    complete(document)
    ended = SyncRun.objects.get()
    assert (ended.state, document["status"], document["run_id"]) == ("failed", "failed", ended.pk)


def test_a_limited_run_says_that_removals_were_not_checked(line: World) -> None:
    line.add(1)
    line.add(2)
    code, document, _ = run("--limit", "1")
    assert (code, document["counts"]["removed"], document["counts"]["deferred"]) == (0, None, 1)


def test_a_run_that_a_guard_refused(line: World) -> None:
    code, document, said = run()
    assert (code, document["status"]) == (5, "refused")
    assert "Remedy" in document["error"]
    assert document["error"] in said


def test_a_source_that_lacks_a_column(line: World) -> None:
    line.add(1)
    line.source.names = tuple(name for name in COLUMNS if name != "PRICE")
    code, document, _ = run()
    assert (code, document["status"]) == (5, "refused")
    assert "'PRICE'" in document["error"]


def test_a_source_that_broke_off(line: World) -> None:
    line.add(1)
    line.source.fail_after = 0
    code, document, _ = run()
    assert (code, document["status"]) == (1, "failed")


def test_a_source_that_cannot_be_reached_or_has_no_table(line: World, monkeypatch: pytest.MonkeyPatch) -> None:
    for guard, expected in ((True, (5, "refused")), (False, (1, "failed"))):

        def refuse(mappings: object, guard: bool = guard) -> None:
            raise SourceRefused("The order source has no table. Remedy: load_orders FILE.", guard=guard)

        monkeypatch.setattr("staging.wiring.source", refuse)
        code, document, said = run()
        assert (code, document["status"]) == expected
        assert document["run_id"] is None
        assert document["error"] in said


def test_a_board_that_does_not_answer(line: World) -> None:
    line.add(1)

    def gone(sent: object) -> None:
        raise requests.ConnectTimeout("no route")

    line.wire.before = gone
    code, document, _ = run()
    assert (code, document["status"]) == (1, "failed")
    assert "Remedy" in document["error"]


def test_an_outage_in_the_middle_of_a_push(line: World) -> None:
    line.add(1)

    def gone(sent: Any) -> None:
        if sent.writes:
            raise requests.ConnectTimeout("no route")

    line.wire.before = gone
    code, document, _ = run()
    assert (code, document["status"], document["counts"]["pending"]) == (1, "failed", 1)


@pytest.mark.parametrize("arguments", [("--limit", "-1"), ("--limit", "0"), ("--limit", "ten"), ("--batch-size", "-5")])
def test_a_number_that_is_none(line: World, arguments: tuple[str, str]) -> None:
    code, document, said = run(*arguments)
    assert code == 2
    assert arguments[0] in document["error"]
    assert "Remedy" in said


def test_a_customer_that_nobody_knows(line: World) -> None:
    line.add(1)
    code, document, _ = run("--customer", "HARBOR")
    assert (code, document["run_id"]) == (2, None)
    assert "Did you mean 'HARBOUR'?" in document["error"]


def test_a_board_that_nobody_knows(line: World) -> None:
    code, document, _ = run("--board", "Nowhere")
    assert code == 2
    assert document["error"]


def test_another_run_that_is_under_way(line: World) -> None:
    line.add(1)
    seen = []

    def second(sent: Any) -> None:
        if sent.writes and not seen:
            seen.append(run())

    line.wire.before = second
    run()
    (code, document, _) = seen[0]
    assert (code, document["status"], document["run_id"]) == (5, "refused", None)
    assert "Another sync" in document["error"]


def test_a_database_that_fails_is_told_without_its_own_words(line: World, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*arguments: object) -> None:
        raise OperationalError("no such table: staging_syncrun SECRET")

    monkeypatch.setattr("staging.wiring.published", broken)
    out = StringIO()
    with pytest.raises(OperationalError):  # the edge of the command line has the sentence and the exit code
        call_command("sync_orders", "--json", stdout=out)
    document = json.loads(out.getvalue())
    complete(document)
    assert "SECRET" not in document["error"]


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
@pytest.mark.parametrize("signals", [1, 2])
def test_a_signal_wins_over_a_database_that_does_not_answer(
    line: World, number: signal.Signals, code: int, signals: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    def silent(mode: str, board: str | None) -> None:
        """A driver that hears of the signal late, and makes another error of what it raises."""
        try:
            for _ in range(signals):
                signal.raise_signal(number)
        except Exception as heard:
            raise RuntimeError("HYT00") from heard
        raise OperationalError("the server does not answer")

    monkeypatch.setattr("staging.wiring.published", silent)
    ended, document, said = run("--dry-run")
    assert (ended, document["status"]) == (code, "stopped")
    assert STOPPED in said and document["error"] == STOPPED


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
@pytest.mark.parametrize("signals", [1, 2])
def test_a_run_that_was_stopped(line: World, number: signal.Signals, code: int, signals: int) -> None:
    line.add(1)
    line.add(2)
    left = [number] * signals

    def stop(sent: Any) -> None:
        while sent.writes and left:
            signal.raise_signal(left.pop())

    line.wire.before = stop
    ended, document, said = run("--batch-size", "1")
    assert (ended, document["status"]) == (code, "stopped")
    kept = SyncRun.objects.get()
    assert (kept.state, kept.lease_owner) == ("stopped", "")
    assert signals == 1 or ("Stopped at once. Remedy" in said and "Stopped at once. Remedy" in kept.error)
    assert document["run_id"] == kept.pk
    assert ("at once" in (document["error"] or "")) == (signals == 2), "a second signal ends it at once"
    assert signals == 1 or "Remedy" in document["error"]


def test_the_published_schema_is_one_and_names_every_key_and_state(line: World) -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMA.schema)
    named = SCHEMA.schema["properties"]
    assert set(named) == set(SCHEMA.schema["required"]) >= KEYS and set(named["counts"]["required"]) == COUNTS
    assert set(named["batches"]["items"]["properties"]["state"]["enum"]) == {str(state) for state in BatchState}
    assert {*named["status"]["enum"], "queued", "running"} == set(RunState.values)
    line.add(1)
    _, document, _ = run()
    for wrong in ({"counts": {}}, {"status": "fine"}, {"run_id": "1"}, {"schema_version": 2}):
        assert not SCHEMA.is_valid(document | wrong)


def test_a_token_that_can_be_none_is_refused_in_a_sentence(line: World, settings: Any) -> None:
    settings.MONDAY_API_TOKEN = "two words"
    code, document, err = run("--mode", "PRODUCTION")
    assert (code, document["status"]) == (2, "failed")
    assert document["error"].startswith("The monday.com token contains blanks") and "Remedy: copy it again" in err


def test_a_board_without_a_name_is_said_to_be_one(line: World) -> None:
    code, document, _ = run("--board", "")
    assert code == 2 and document["error"].startswith("The name of the board is empty. Remedy: leave --board out, or")
