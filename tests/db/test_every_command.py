"""Every command as it is typed: its example holds, a console without Unicode shows it, quiet is quiet, JSON is JSON."""

from __future__ import annotations

import io
import json
import re
import shlex
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from django.core.management import get_commands, load_command_class
from django.core.management.base import BaseCommand, CommandError
from django.db import DatabaseError, connections, transaction

from ordersite import commandline
from staging.models import Batch
from tests.core.mapping_samples import HARBOUR
from tests.db.admin_line import opened_line
from tests.world import World

APPS = ("ordersite", "staging", "mapping", "monday")
OURS = sorted(name for name, app in get_commands().items() if app in APPS and name != "qcluster")  # the queue's own
SERVERS = {"serve", "worker", "monday_sandbox"}  # they say where they answer, and go on until they are stopped

ROWS: list[tuple[str, int]] = [
    ("adopt_board", 0),
    ("adopt_board --mode PRODUCTION", 2),
    ("backup --to {folder}/file/below", 2),
    ("batches list", 0),
    ("batches list --state declined", 0),
    ("batches show {open}", 0),
    ("batches show 999", 2),
    ("batches approve {open}", 0),
    ("batches undo {sent} --preview", 0),
    ("board_export --to {folder}/board.csv", 0),
    ("board_export --to {folder}/board.txt", 2),
    ("board_labels", 0),
    ("board_labels Nonsense", 2),
    ("board_labels --column Nonsense", 2),
    ("check_mapping", 0),
    ("check_mapping {folder}/none.yaml", 2),
    ("demo_page --out {folder}/page.html", 0),
    ("demo_page --out {folder}/file/page.html", 2),
    ("doctor --nonsense", 2),
    ("gone_items list", 0),
    ("gone_items stop 1", 2),
    ("import_mapping {folder}/none.yaml", 2),
    ("import_mapping docs/example-faults.yaml --dry-run", 2),
    ("load_demo_orders --rows 5", 0),
    ("load_demo_orders --mutate nonsense=1", 2),
    ("load_orders docs/example-orders.csv --replace", 0),
    ("load_orders {folder}/none.csv", 2),
    ("migrate --check", 0),
    ("migrate nope", 2),
    ("migrate staging 9999", 2),
    ("load_orders docs/example-orders.csv --table ''", 2),
    ("load_orders docs/example-orders.csv --table dbo.", 2),
    ("monday_sandbox --store {folder}/kept.sqlite3 --reset", 0),
    ("monday_sandbox --port 99999", 2),
    ("prepare_board", 2),
    ("prune --dry-run", 0),
    ("prune --only sessions", 0),
    ("prune --only nonsense", 2),
    ("publish_mapping {folder}/none.yaml", 2),
    ("publish_mapping {folder}/harbour.yaml", 2),
    ("publish_mapping {folder}/harbour.yaml --base 1 --dry-run", 0),
    ("publish_mapping {folder}/harbour.yaml --base 9", 5),
    ("reconcile", 0),
    ("retry_rejected --list", 0),
    ("retry_rejected", 2),
    ("retry_rejected --order x", 2),
    ("serve --port 0", 2),
    ("setup_schedules", 0),
    ("setup_schedules --minutes 0", 2),
    ("sync_orders --dry-run", 0),
    ("sync_orders --check --detailed-exitcode", 5),
    ("sync_orders --limit none", 2),
    ("sync_orders --board ''", 2),
    ("sync_orders --js", 2),
    (f"sync_orders --limit {'9' * 5000}", 2),
    ("sync_orders --po-number ''", 2),
    ("sync_orders --check --po-number ' '", 2),
    ("sync_orders --po-number \udcff", 2),
    ("sync_orders --check --po-number \udcff", 2),
    ("batches list --customer \udcff", 2),
    ("batches decline {open} --reason \udcff", 2),
    ("publish_mapping {folder}/harbour.yaml --by \udcff", 2),
    ("sync_orders --expect-rows 77", 5),
    ("sync_report last", 0),
    ("sync_report 999", 2),
    ("sync_report last --mail nobody", 2),
    ("unused_rows", 0),
    ("unused_rows --board Nonsense", 2),
    ("unused_rows --limit 0", 2),
    ("unused_rows --limit x", 2),
    ("verify_audit", 0),
    ("worker --nonsense", 2),
]
"""What is typed, and the exit code that it must have. (A copy of the database has a test of its own: it waits for the
transaction in which these run.)"""


def example(name: str) -> list[list[str]]:
    """The words of every example in a command's help."""
    text = str(load_command_class(get_commands()[name], name).help)
    found = re.search(r"Examples?: (.*?)(?:\. [A-Z]|\.?$)", text)
    assert found, f"{name} has no example: {text}"
    return [shlex.split(one) for one in found.group(1).split("; ")]


@pytest.mark.parametrize("name", OURS)
def test_the_help_has_an_example_that_the_command_takes(name: str) -> None:
    command: BaseCommand = load_command_class(get_commands()[name], name)
    for words in example(name):
        while "=" in words[0] or words[0] == "manage.py":  # WORKERS=4 manage.py worker
            words = words[1:]
        assert words[0] == name
        try:
            command.create_parser("manage.py", name).parse_args(words[1:])
        except (SystemExit, CommandError) as refused:
            pytest.fail(f"{words}: {refused}")


def test_every_action_of_batches_has_an_example_that_it_takes() -> None:
    from staging.management.commands.batches import EXAMPLES

    parser = load_command_class("staging", "batches").create_parser("manage.py", "batches")
    for action, line in EXAMPLES.items():
        assert parser.parse_args(shlex.split(line)[1:]).action == action


def test_every_command_is_typed_here_with_a_good_and_a_bad_end() -> None:
    typed = {words.split()[0]: set() for words, _ in ROWS}
    for words, code in ROWS:
        typed[words.split()[0]].add(bool(code))
    assert set(typed) == set(OURS)
    ends_well = {"sync_orders", "verify_audit", "doctor", "migrate", "reconcile"}  # their bad ends have tests elsewhere
    one_ended = {name for name, ends in typed.items() if len(ends) == 1}
    assert one_ended <= ends_well | {"prepare_board", "import_mapping", "serve", "worker", "backup"}


@pytest.fixture
def typed(world: World, settings: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Any:
    """Types one line at a console with an encoding; gives exit code, stdout and stderr as bytes."""
    line = opened_line(world, settings, monkeypatch)
    line.add(1, STYLE="尺码 Ωmega")
    line.sync()
    sent = line.batch()
    line.add(2, STYLE="Ünïcode – dash")
    line.stage()
    (tmp_path / "file").write_text("")
    (tmp_path / "harbour.yaml").write_text(HARBOUR + "columns: {UNIT: text_unit}\n", encoding="utf-8")
    settings.ARCHIVE_DIR, settings.MONDAY_API_TOKEN = str(tmp_path / "archive"), ""
    # The test's own connections hold its transaction; a command closes those of its process.
    monkeypatch.setattr(connections, "close_all", lambda: None)
    monkeypatch.setattr(sys, "stdin", io.StringIO(""))
    places = {"folder": tmp_path, "sent": sent.pk, "open": Batch.objects.get(state="open").pk}

    def at_console(words: str, encoding: str = "cp1252") -> tuple[int, bytes, bytes]:
        out, err = (io.TextIOWrapper(io.BytesIO(), encoding=encoding) for _ in range(2))
        with monkeypatch.context() as console:
            console.setattr(sys, "stdout", out)
            console.setattr(sys, "stderr", err)
            try:
                with a_transaction_of_its_own():
                    code = commandline.run(["manage.py", *shlex.split(words.format(**places))])
            except Exception as mistake:  # noqa: BLE001  a person would see its traceback
                return 99, b"", f"Traceback: {mistake!r}".encode()
            out.flush()
            err.flush()
        return code, out.buffer.getvalue(), err.buffer.getvalue()  # type: ignore[attr-defined]

    return at_console


@contextmanager
def a_transaction_of_its_own() -> Iterator[None]:
    """A person's command does not share one with the next: on a server a refused statement spoils what follows it."""
    mark = transaction.savepoint(using="orders")
    yield
    try:
        with connections["orders"].cursor() as cursor:
            cursor.execute("SELECT 1")
    except DatabaseError:
        transaction.savepoint_rollback(mark, using="orders")


def has_json(words: str) -> bool:
    name, *rest = shlex.split(words)
    parser = load_command_class(get_commands()[name], name).create_parser("manage.py", name)
    action = next((a for a in parser._actions if a.dest == "action"), None)
    known = parser if action is None else action.choices[rest[0]]  # type: ignore[index]
    return any("--json" in one.option_strings for one in known._actions)


@pytest.mark.slow
@pytest.mark.django_db(databases=["default", "orders"])
def test_every_line_ends_as_it_should_on_a_console_without_unicode_is_quiet_and_gives_json(typed: Any) -> None:
    wrong = {words: why for words, code in ROWS if (why := " ".join(odd(typed, words, code)))}
    assert not wrong, "\n".join(f"{words}: {why}" for words, why in wrong.items())


def odd(typed: Any, words: str, code: int) -> Iterator[str]:
    """What is not as it should be with one line. It is typed once, then quietly, then for a script."""
    ended, out, err = typed(words, "ascii")
    if ended != code or b"Traceback" in err or not (out + err or words == "migrate --check"):
        yield f"ended with {ended}: {out[-300:]!r} {err[-600:]!r}"
    if code:
        if b"Remedy" not in out + err and b"usage:" not in err and not words.startswith("check_mapping"):
            yield f"says no remedy: {err!r}"  # what is wrong with a document is followed by what to do
        if has_json(words) and (why := odd_document(*typed(f"{words} --json", "ascii"), code)):
            yield why
        return
    if words.split()[0] in SERVERS | {"migrate"} or words.startswith("batches approve"):
        return  # a server says where it answers, and what is approved is not approved twice
    ended, out, err = typed(f"{words} --verbosity 0")
    if (ended, out) != (0, b""):
        yield f"is not quiet: {ended} {out[:300]!r} {err[-300:]!r}"
    if not has_json(words):
        return
    if why := odd_document(*typed(f"{words} --json --verbosity 0", "utf-8"), code):
        yield why


def odd_document(ended: int, out: bytes, err: bytes, code: int) -> str:
    """Why stdout is not the one document that a script reads, however the command ends; "" where it is."""
    try:
        document = json.loads(out)
    except ValueError:
        document = {}
    if ended != code or document.get("schema_version") != 1:
        return f"gives no JSON: {ended} {out[:300]!r} {err[-300:]!r}"
    if set(document) == {"schema_version", "error"}:
        jsonschema.validate(document, REFUSED)
        return "" if document["error"].encode("ascii", "replace") in err + out else f"says otherwise: {err!r}"
    return ""


REFUSED = json.loads(Path("docs/refused.schema.json").read_text(encoding="utf-8"))
