"""import_mapping on the command line: drafts are kept, sound ones are published where a person asks for it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connections

from mapping.models import Alias, Version, VersionState
from mapping.publish import load_family, publish_text
from staging.models import AuditEvent
from tests.core.mapping_samples import BOARD, COLUMNS
from tests.imports.test_translation import CUSTOMERS, MAPPING

pytestmark = pytest.mark.django_db(databases=["default", "orders"])
NOW = datetime(2026, 3, 1, tzinfo=UTC)
# Where a statement fails on purpose: on a server it would spoil the transaction that a test runs in.
committed = pytest.mark.django_db(transaction=True, databases=["default", "orders"])


@pytest.fixture(autouse=True)
def table() -> Iterator[None]:
    """The order table that the base document names, so that names of sizes can be held against it."""
    quoted = ", ".join(f'"{name}" INTEGER' for name in COLUMNS)
    with connections["orders"].cursor() as cursor:
        cursor.execute(f'CREATE TABLE "ORDERS" ({quoted})')
        yield
        cursor.execute('DROP TABLE IF EXISTS "ORDERS"')


@pytest.fixture
def files(tmp_path: Path) -> tuple[str, str]:
    publish_text(text=BOARD, actor="anna", note="", now=NOW, record=lambda **event: None)
    mapping, customers = tmp_path / "mapping.yaml", tmp_path / "customers.yaml"
    mapping.write_text(MAPPING, encoding="utf-8")
    customers.write_text(CUSTOMERS, encoding="utf-8")
    return str(mapping), str(customers)


def import_mapping(*arguments: str) -> tuple[int, str]:
    out = StringIO()
    try:
        call_command("import_mapping", *arguments, stdout=out, stderr=StringIO())
    except SystemExit as end:
        return int(end.code or 0), out.getvalue()
    return 0, out.getvalue()


def states() -> dict[str, str]:
    return {version.document.name: version.state for version in Version.objects.order_by("number")}


def test_drafts_are_saved_and_nothing_holds_before_a_person_says_so(files: tuple[str, str]) -> None:
    code, output = import_mapping(*files)
    assert code == 0
    assert set(states().values()) == {"draft", "published"}
    assert load_family().family.customers == ()
    assert output.splitlines()[-1].startswith("5 documents = 0 published + 5 drafts + 0 not saved.")
    for line in ("excluded_fields: note: 'VALIDATION' is left out", "customers.yaml:8 customers[1].matching_config"):
        assert line in output


def test_what_was_not_translated_stands_in_the_draft_too(files: tuple[str, str]) -> None:
    import_mapping(*files)
    text = Version.objects.get(document__name="customer HARBOUR").text
    assert "customers[1].matching_config.style_match: exact" in text
    assert "Not translated" in text


def test_publishing_leaves_customers_to_review_as_drafts(files: tuple[str, str]) -> None:
    code, output = import_mapping(*files, "--publish")
    assert code == 0
    assert load_family("77001").family.customers == ("B'HOOD", "HARBOUR", "云杉服饰")
    assert load_family("77001").family.board.columns["TYPE"].values == {
        "ACTIVE": "RECEIVED",
        "NO": "012",
        "1:30": "2026-01-01",
    }
    assert Version.objects.get(document__name="customer WHITE|FOX").state == VersionState.DRAFT
    assert Alias.objects.get(folded="harbour (us)").customer.name == "HARBOUR"
    assert AuditEvent.objects.filter(action="mapping.published").count() == 4
    assert "5 documents = 4 published + 1 draft + 0 not saved. With open problems: 0; to review: 1." in output


def test_a_second_import_keeps_nothing_twice(files: tuple[str, str]) -> None:
    import_mapping(*files)
    versions = Version.objects.count()
    code, output = import_mapping(*files)
    assert (code, Version.objects.count()) == (0, versions)
    assert "saved before as draft" in output


def test_an_alias_that_a_published_customer_has_keeps_the_draft_a_draft(files: tuple[str, str]) -> None:
    text = "version: 1\ncustomer: QUAY\naliases: [云杉]\n"
    publish_text(text=text, actor="anna", note="", now=NOW, record=lambda **event: None)
    code, output = import_mapping(files[1], "--publish")
    assert code == 0
    assert "the alias '云杉' belongs to 'QUAY' too" in output
    assert states()["customer 云杉服饰"] == "draft"


def test_a_dry_run_saves_nothing(files: tuple[str, str]) -> None:
    code, output = import_mapping(*files, "--dry-run")
    assert (code, Version.objects.count()) == (0, 1)
    assert "customer HARBOUR: 4 aliases" in output


def test_one_document_of_json_says_the_same(files: tuple[str, str]) -> None:
    code, output = import_mapping(*files, "--json")
    document = json.loads(output)
    assert code == 0
    assert [each["name"] for each in document["documents"]] == [
        "Old Board",
        "HARBOUR",
        "WHITE|FOX",
        "云杉服饰",
        "B'HOOD",
    ]
    assert all(each["text"].startswith("# Made from") for each in document["documents"])
    notes = document["documents"][1]["findings"]
    assert {"line", "path", "message", "remedy", "open", "leaves"} <= notes[0].keys()


def test_of_several_boards_the_one_that_the_file_names_is_the_start(files: tuple[str, str]) -> None:
    import_mapping(*files, "--publish")
    code, output = import_mapping(files[0])
    assert code == 0
    assert "holds already as version 2" in output or "saved as draft" in output
    with pytest.raises(CommandError, match="There are 2 boards"):
        call_command("import_mapping", files[1], stdout=StringIO())
    assert import_mapping(files[1], "--board", "Old Board")[0] == 0


@committed
def test_without_a_published_board_the_shipped_one_is_the_start(tmp_path: Path) -> None:
    file = tmp_path / "mapping.json"
    entry = {"source_field": "AAG ORDER NUMBER", "target_column_id": "text_mkr5wya6"}
    file.write_text("\ufeff" + json.dumps({"exact_matches": [entry]}), encoding="utf-8")
    code, _ = import_mapping(str(file), "--publish")
    assert code == 0
    assert list(load_family().family.board.columns) == ["AAG ORDER NUMBER"]


@committed
def test_a_missing_source_is_said(tmp_path: Path, files: tuple[str, str]) -> None:
    with connections["orders"].cursor() as cursor:
        cursor.execute('DROP TABLE "ORDERS"')
    code, output = import_mapping(files[1], "--publish")
    assert code == 0
    assert "could not be held against the source, which was not read" in output
    assert states()["customer HARBOUR"] == "draft"


@pytest.mark.parametrize("content", [b"", b"hello", b"version: \xff", b"\x00", b"customers: ["])
def test_a_file_that_cannot_be_used_saves_nothing_of_any(files: tuple[str, str], content: bytes) -> None:
    broken = Path(files[0]).with_name("broken.yaml")
    broken.write_bytes(content)
    code, output = import_mapping(files[1], str(broken))
    assert (code, Version.objects.count()) == (2, 1)
    assert output.splitlines()[-1] == "Nothing was saved."
    assert str(broken) in output
    code, output = import_mapping(files[1], str(broken), "--json")
    assert (code, json.loads(output)["ok"]) == (2, False)


@pytest.mark.parametrize("name", ["missing.yaml", ".", "nul\0byte"])
def test_a_path_that_cannot_be_read_is_a_sentence(files: tuple[str, str], tmp_path: Path, name: str) -> None:
    code, output = import_mapping(str(tmp_path / name))
    assert code == 2
    assert len(output.splitlines()) == 2


def test_usage_is_refused_with_its_remedy(files: tuple[str, str]) -> None:
    for arguments in (("--publish", "--dry-run"), ("--board", "Nowhere")):
        with pytest.raises(CommandError, match="Remedy") as refusal:
            call_command("import_mapping", *files, *arguments, stdout=StringIO())
        assert refusal.value.returncode == 2


def test_without_an_audit_nothing_is_published(files: tuple[str, str]) -> None:
    from mapping.management.commands.import_mapping import Command

    options: dict[str, Any] = {"publish": True, "dry_run": False, "json": False, "board": None, "files": files}
    with pytest.raises(CommandError, match="no audit"):
        Command(stdout=StringIO()).handle(**options)


def test_a_customer_who_has_a_document_loses_nothing_to_the_file(files: tuple[str, str]) -> None:
    held = "version: 1\ncustomer: HARBOUR\naliases: [HARBOUR (IE)]\nbusiness_key: [ORDER, STYLE]\n"
    publish_text(text=held, actor="anna", note="", now=NOW, record=lambda **event: None)
    code, output = import_mapping(files[1], "--publish")
    assert code == 0
    harbour = Version.objects.get(document__name="customer HARBOUR", state=VersionState.PUBLISHED)
    assert "business_key: [ORDER, STYLE]" in harbour.text
    claimed = set(Alias.objects.filter(customer__name="HARBOUR").values_list("text", flat=True))
    assert {"HARBOUR (IE)", "HARBOUR (AU)", "HARBOUR (US)"} <= claimed
    assert "claims 1 spelling more, and the draft keeps that" in output
    assert "holds already as version 2" in import_mapping(files[1], "--publish")[1]
