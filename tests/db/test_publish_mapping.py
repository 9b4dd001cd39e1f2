"""publish_mapping on the command line: the way of the editor for whoever has no browser, and nothing without a word."""

from __future__ import annotations

import json
from collections.abc import Callable
from io import StringIO
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from django.contrib.auth.models import Permission
from django.core.management import CommandError, call_command
from django.utils import timezone

from mapping.drafts import save_draft_text
from mapping.models import Document, Version, VersionState
from mapping.publish import ensure_shipped, publish_text
from staging.models import AuditEvent, Batch, SyncRun
from staging.previews import publishing
from staging.wiring import recorder
from tests.core.mapping_samples import BOARD, HARBOUR
from tests.db.admin_line import opened_line, person
from tests.world import World

pytestmark = pytest.mark.django_db(databases=["default", "orders"])
SCHEMAS = [json.loads(Path(f"docs/{name}.schema.json").read_text("utf-8")) for name in ("publish_mapping", "refused")]
WITH_UNIT = HARBOUR + "columns: {UNIT: text_unit}\n"
Typed = Callable[..., tuple[int, str, str]]


@pytest.fixture
def typed(tmp_path: Path) -> Typed:
    def run(text: str | bytes, *words: str) -> tuple[int, str, str]:
        file, out, err = tmp_path / "file.yaml", StringIO(), StringIO()
        file.write_bytes(text if isinstance(text, bytes) else text.encode())
        try:
            call_command("publish_mapping", str(file), *words, stdout=out, stderr=err)
        except SystemExit as end:
            return int(end.code or 0), out.getvalue(), err.getvalue()
        except CommandError as refused:
            return refused.returncode, out.getvalue(), str(refused)
        return 0, out.getvalue(), err.getvalue()

    return run


def document(typed: Typed, text: str | bytes, *words: str) -> tuple[int, dict[str, Any]]:
    """The one document of the command, which is what one of the published schemas says."""
    code, out, _ = typed(text, *words, "--json")
    told = json.loads(out)
    jsonschema.validate(told, SCHEMAS["status" not in told])
    return code, told


def events() -> list[AuditEvent]:
    return list(AuditEvent.objects.filter(action="mapping.published").order_by("pk"))


@pytest.fixture
def line(world: World, settings: Any, monkeypatch: pytest.MonkeyPatch) -> World:
    """Five orders of HARBOUR on the board."""
    line = opened_line(world, settings, monkeypatch)
    for number in range(1, 6):
        line.add(number)
    line.sync()
    return line


def test_the_first_mapping_of_an_installation_holds_at_once(typed: Typed) -> None:
    assert typed(BOARD, "--comment", "our own")[0] == 0
    code, out, _ = typed(HARBOUR)
    assert code == 0 and "customer HARBOUR version 1 by cli:" in out and "its first version" in out
    versions = list(Version.objects.order_by("pk"))
    assert [(each.number, each.state, each.note) for each in versions] == [
        (1, "published", "our own"),
        (1, "published", ""),
    ]
    assert {each.author.partition(":")[0] for each in versions} == {"cli"}
    assert [event.reason for event in events()] == ["our own", ""]


def test_a_shipped_document_never_takes_the_place_of_a_persons_own(typed: Typed) -> None:
    assert typed("version: 1\ncustomer: HARBOUR\naliases: [OURS]\n")[0] == 0
    assert not ensure_shipped(actor="policy:first boot", now=timezone.now(), record=recorder)
    assert Version.objects.count() == 1


def test_a_dry_run_counts_and_writes_nothing(line: World, typed: Typed) -> None:
    before = Version.objects.count(), SyncRun.objects.count(), Batch.objects.count(), AuditEvent.objects.count()
    code, told = document(typed, WITH_UNIT, "--base", "1", "--dry-run")
    assert (code, told["status"], told["boards"][0]["because"]) == (0, "would_publish", 5)
    assert before == (
        Version.objects.count(),
        SyncRun.objects.count(),
        Batch.objects.count(),
        AuditEvent.objects.count(),
    )
    out = typed(WITH_UNIT, "--base", "1", "--dry-run")[1]
    assert "5 orders staged because of this text (HARBOUR 5)" in out and "Nothing was written." in out


def test_what_was_counted_is_what_the_next_sync_stages(line: World, typed: Typed) -> None:
    code, told = document(typed, WITH_UNIT, "--base", "1")
    assert (code, told["status"], told["version"], told["before"]) == (0, "published", 2, 1)
    assert line.stage().counts.changed == told["boards"][0]["staged"] == 5


def test_nothing_is_published_over_a_version_that_the_file_does_not_know(line: World, typed: Typed) -> None:
    code, _, said = typed(WITH_UNIT)
    assert code == 2 and "say --base 1" in said
    line.publish(HARBOUR + "# a remark\n")
    for words in ((), ("--dry-run",)):
        code, told = document(typed, WITH_UNIT, "--base", "1", *words)
        assert code == 5 and "version 2" in told["error"] and "--base 2" in told["error"]
    assert Version.objects.filter(document__customer__name="HARBOUR").count() == 2
    assert document(typed, WITH_UNIT, "--base", "2")[1]["version"] == 3


def test_a_base_is_refused_where_nothing_holds(typed: Typed) -> None:
    code, told = document(typed, HARBOUR, "--base", "3")
    assert code == 5 and "Leave out --base" in told["error"]
    assert not Document.objects.exists()


def test_a_version_that_comes_while_it_is_counted_is_not_lost(
    line: World, typed: Typed, monkeypatch: pytest.MonkeyPatch
) -> None:
    counted = "staging.management.commands.publish_mapping.counted_boards"

    def meanwhile(text: str) -> None:
        monkeypatch.setattr(counted, lambda *args, **words: (line.publish(text) and []) or [])

    meanwhile(HARBOUR + "# theirs\n")
    assert typed(WITH_UNIT, "--base", "1")[0] == 5
    meanwhile("version: 1\ncustomer: OTHER\n")
    code, _, said = typed(WITH_UNIT, "--base", "2")
    assert code == 5 and "meanwhile" in said
    assert not Version.objects.filter(text=WITH_UNIT).exists()


def test_the_text_that_holds_changes_nothing(line: World, typed: Typed) -> None:
    for words in ((), ("--base", "1"), ("--base", "9")):
        code, told = document(typed, HARBOUR.replace("\n", "\r\n"), *words)
        assert (code, told["status"], told["version"]) == (0, "unchanged", 1)


def test_errors_are_named_by_line_and_nothing_is_left_behind(typed: Typed) -> None:
    code, out, _ = typed(HARBOUR + "colums: {}\n")
    assert code == 2 and "file.yaml:5:1 colums:" in out and "Nothing was published" in out
    code, told = document(typed, "[", "--dry-run")
    assert (code, told["status"], told["document"]) == (2, "refused", None)
    assert not Document.objects.exists()


@pytest.mark.parametrize(
    "text", [b"\xff\xfe", b"a\x00b", b"", b"x" * 1_000_001, "customer: \ud83d".encode("utf-8", "surrogatepass")]
)
def test_any_file_is_refused_with_a_sentence(typed: Typed, text: bytes) -> None:
    code, told = document(typed, text)
    assert code == 2 and (told.get("error") or told["problems"])


def test_what_the_source_lacks_is_refused_as_in_the_editor(line: World, typed: Typed) -> None:
    code, told = document(typed, HARBOUR + "columns: {NOWHERE: text_unit}\n", "--base", "1")
    assert code == 2 and any("NOWHERE" in each["path"] + each["message"] for each in told["problems"])


def test_a_person_is_named_and_needs_the_right(line: World, typed: Typed) -> None:
    for role in ("viewer", "operator", "approver"):
        person(role)
        code, _, said = typed(WITH_UNIT, "--base", "1", "--by", role)
        assert code == 2 and f"{role} may not publish" in said
    boss = person("administrator")
    assert document(typed, WITH_UNIT, "--base", "1", "--by", "administrator")[1]["author"] == "administrator"
    (event,) = (each for each in events() if each.actor == "administrator")
    assert event.data["typed_by"].startswith("cli:")
    boss.is_active = False
    boss.save()
    assert "closed" in typed(HARBOUR, "--base", "2", "--by", "administrator")[2]
    assert "no account" in typed(HARBOUR, "--base", "2", "--by", "nobody")[2]


def test_a_new_document_needs_the_right_to_add_one(typed: Typed, line: World) -> None:
    boss = person("administrator")
    boss.groups.clear()
    app, _, name = publishing.RIGHT.partition(".")
    boss.user_permissions.add(Permission.objects.get(content_type__app_label=app, codename=name))
    code, _, said = typed("version: 1\ncustomer: NEWONE\n", "--by", "administrator")
    assert code == 2 and "may not publish" in said
    assert typed(WITH_UNIT, "--base", "1", "--by", "administrator")[0] == 0


def test_where_nobody_can_count_it_takes_a_word(line: World, typed: Typed) -> None:
    line.board.account_id = "another"
    line.board.save()
    code, told = document(typed, WITH_UNIT, "--base", "1")
    assert code == 5 and "--uncounted" in told["error"]
    assert document(typed, WITH_UNIT, "--base", "1", "--uncounted")[1]["version"] == 2


def test_somebody_elses_draft_is_told(line: World, typed: Typed) -> None:
    save_draft_text(text=HARBOUR + "# theirs\n", actor="ben", note="", now=timezone.now())
    assert document(typed, WITH_UNIT, "--base", "1")[1]["drafts"] == [{"number": 2, "author": "ben"}]
    assert Version.objects.get(text=WITH_UNIT).state == VersionState.PUBLISHED
    publish_text(text=HARBOUR, actor="anna", note="", now=timezone.now(), record=recorder)
    assert "Draft 2 by ben stays a draft." in typed(WITH_UNIT, "--base", "4")[1]
