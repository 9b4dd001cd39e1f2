"""check_mapping on broken documents: each mistake with its line, its key and its remedy, as a person reads it."""

from __future__ import annotations

import json
import time
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import call_command

from mapping.publish import shipped_files
from tests.core.mapping_samples import BOARD, HARBOUR

CUSTOMER = (
    HARBOUR
    + """\
business_key: [ORDER, STYLE]
columns:
  PRICE: {to: numeric_price, as: decimal}
policy: {approve: person, approvers: [ben]}
"""
)

# document, old text, new text, line, path, part of the message, part of the remedy
BROKEN = [
    ("board", "version: 1", "version: one", 1, "version", "whole number", "digits"),
    ("board", "board:\n", "bord:\n", 2, "bord", "not known", "Did you mean 'board'"),
    ("board", "  id: 5600100200\n", "", 2, "board.id", "missing", "Add this key"),
    ("board", "text_record_uuid", "Record UUID", 5, "board.uuid_column", "not its title", "text_mkr5wya6"),
    ("board", "{SEASON|", "{SEASON||", 6, "board.group", "without a column's name", "between the braces"),
    ("board", "'NO SEASON'}", "NO SEASON'}x{", 6, "board.group", "not closed", "Add the }"),
    ("board", "{STYLE} {COLOUR}", "{STYLE} {quantity}", 7, "board.item", "{quantity}", "source column"),
    ("board", "table: ORDERS", "table: ''", 9, "source.table", "is empty", "Write a text"),
    ("board", "table: ORDERS", "table: ORDERS\n  includ: {TYPE: A}", 10, "source.includ", "not known", "'include'"),
    (
        "board",
        "po_number: PO",
        "po_number: PO\n  include: {EX FACTORY: {after: 01/02/2026}}",
        14,
        "source.include.EX FACTORY.after",
        "a date",
        "2026-01-01",
    ),
    ("board", "[ORDER, STYLE]", "[]", 11, "source.business_key", "empty", "at least one"),
    ("board", "required: true", "required: ja", 15, "columns.ORDER.required", "true or false", "without quotes"),
    ("board", "CUSTOMER: dropdown_customer", "CUSTOMER:", 16, "columns.CUSTOMER", "no value", "after the colon"),
    ("board", "CUSTOMER: dropdown_customer", "CUSTOMER: Customer Name", 16, "columns.CUSTOMER.to", "id", "text_"),
    ("board", "dropdown_style", "text_order", 17, "columns.STYLE", "fills already", "another column"),
    ("board", "otherwise: reject", "otherwise: hold", 18, "columns.TYPE.otherwise", "not one of", "one of these"),
    ("board", "CANCELLED: CANCELLED", "active: OPEN", 18, "columns.TYPE.values.active", "same cells", "case"),
    ("board", "as: decimal", "as: dezimal", 19, "columns.PRICE.as", "not one of", "Did you mean 'decimal'"),
    ("board", '"0"', '"none"', 20, "columns.TARIFF.values.TRUE", "is not a number", "takes"),
    ("board", "empty: keep", "empty: nothing", 21, "columns.EX FACTORY.empty", "not one of", "one of these"),
    ("board", "UNIT: color_unit", "UNIT: name", 22, "columns.UNIT", "template", "`item`"),
    ("board", "  NOTES:", "  UNIT:", 23, "columns.UNIT", "first in line 22", "Keep one"),
    ("board", "between: [UNIT, TOTAL]", "between: [UNIT, UNIT]", 25, "sizes.between", "same column", "around"),
    ("board", "total: TOTAL", "totl: TOTAL", 27, "sizes.totl", "not known", "Did you mean 'total'"),
    ("board", "quantity: numeric_qty", "quantity: dropdown_size", 28, "sizes.columns", "three columns", "of its own"),
    ("board", "columns:\n", "columns: [\n", 16, "", "YAML", "Close the bracket"),
    ("board", "  name: Orders", "\tname: Orders", 4, "", "YAML", "tabs"),
    ("board", "  name: Orders", "  name: *orders", 4, "board.name", "alias", "in full"),
    ("board", "version: 1", "version: 1\nlabels: always", 2, "labels", "not one of create", "one of these"),
    ("board", "version: 1", "version: 1\ndeletions: {at_most: 200%}", 2, "deletions.at_most", "percentage", "2%"),
    ("board", "version: 1", "version: 1\npolicy: {approve: automatic}", 2, "policy.approve", "limit", "orders: 50"),
    ("customer", "customer: HARBOUR", "customer: ' '", 2, "customer", "is empty", "Write a text"),
    ("customer", "aliases: [", "aliases: [5, [x], ", 3, "aliases[2]", "must be a text", "one text"),
    ("customer", "aliases: [", "alias: [", 3, "alias", "not known", "Did you mean 'aliases'"),
    ("customer", "{2XL: XXL}", "{2XL: XXL, XXL: L}", 4, "sizes.rename.2XL", "renamed itself", "one step"),
    ("customer", "[ORDER, STYLE]", "[ORDER, ORDER]", 5, "business_key[2]", "twice", "Remove"),
    ("customer", "to: numeric_price", "too: numeric_price", 7, "columns.PRICE.too", "not known", "Did you mean 'to'"),
    ("customer", "approvers: [ben]", "approvers: ben", 8, "policy.approvers", "must be a list", "brackets"),
]


def checked(tmp_path: Path, content: str | bytes) -> tuple[int, str, list[dict[str, object]]]:
    file = tmp_path / "document.yaml"
    file.write_bytes(content if isinstance(content, bytes) else content.encode("utf-8", "surrogatepass"))
    texts: list[str] = []
    code = 0
    for options in ([], ["--json"]):
        out = StringIO()
        try:
            call_command("check_mapping", str(file), *options, stdout=out)
        except SystemExit as end:
            code = int(end.code or 0)
        texts.append(out.getvalue())
    return code, texts[0], json.loads(texts[1])["files"][0]["problems"]


def test_there_are_enough_broken_documents() -> None:
    assert len(BROKEN) >= 30


@pytest.mark.parametrize(("kind", "old", "new", "line", "path", "message", "remedy"), BROKEN)
def test_a_broken_document_is_named(
    tmp_path: Path, kind: str, old: str, new: str, line: int, path: str, message: str, remedy: str
) -> None:
    whole = BOARD if kind == "board" else CUSTOMER
    assert old in whole
    code, printed, problems = checked(tmp_path, whole.replace(old, new, 1))
    assert code == 2
    fitting = [each for each in problems if each["path"] == path and message in str(each["message"])]
    assert fitting, printed
    assert fitting[0]["line"] == line
    assert remedy in str(fitting[0]["remedy"]), fitting
    assert f"document.yaml:{line}:" in printed


def test_all_mistakes_of_a_document_come_at_once(tmp_path: Path) -> None:
    text = (
        BOARD.replace("name: Orders", "nme: Orders").replace("as: decimal", "as: decmal").replace("{ORDER}", "{ORDER")
    )
    _, printed, problems = checked(tmp_path, text)
    assert [each["line"] for each in problems] == [4, 7, 19]
    assert len(printed.splitlines()) == 3


def test_a_key_that_stands_twice_hides_no_other_mistake(tmp_path: Path) -> None:
    text = BOARD.replace("name: Orders", "name: Orders\n  name: *orders").replace("as: decimal", "as: decmal")
    _, printed, problems = checked(tmp_path, text + "version: 2\nnonsense: 1\n")
    last = text.count("\n")
    assert [each["line"] for each in problems] == [5, 5, 20, last + 1, last + 2], printed
    for part in ("name' stands here a second time", "alias", "'decimal'", "version' stands here", "'nonsense' is not"):
        assert part in printed
    _, printed, problems = checked(tmp_path, HARBOUR + "customer: HARBOR\nnonsense: 1\n")
    assert len(problems) == 2, printed


@pytest.mark.parametrize("written", ["NO", "1:30", "012", "1e3", "2026-01-01", "yes", "0x1F", "~x", "1_000", ".5"])
def test_what_looks_like_something_else_stays_what_was_typed(tmp_path: Path, written: str) -> None:
    from mapping.core.document import parse_board

    values = f"values: {{{written}: {written}, B: {written}}}"
    text = BOARD.replace("CUSTOMER: dropdown_customer", f"CUSTOMER: {{to: dropdown_customer, {values}}}")
    assert checked(tmp_path, text)[0] == 0
    document, _ = parse_board(text)
    assert document is not None
    assert document.columns["CUSTOMER"].values == {written: written, "B": written}


HOSTILE: dict[str, str | bytes] = {
    "an alias bomb": "a: &a [x, x]\n"
    + "".join(f"{chr(98 + n)}: &{chr(98 + n)} [*{chr(97 + n)}, *{chr(97 + n)}]\n" for n in range(24)),
    "a tag": BOARD.replace("name: Orders", "name: !!python/object/apply:os.system [ls]"),
    "a line of a megabyte": "version: 1 # " + "x" * 999_000,
    "a megabyte of brackets": "[" * 999_000,
    "more than a megabyte": "x" * 1_000_001,
    "NUL": BOARD.replace("Orders", "Or\0ders"),
    "deep nesting": "\n".join(" " * n + f"k{n}:" for n in range(500)),
    "not UTF-8": BOARD.encode("utf-16"),
    "Latin-1": BOARD.replace("Orders", "Bestellung für").encode("latin-1"),
    "half a letter": BOARD.replace("Orders", "Or\ud800ders"),
    "a list of thirty thousand": "a: [" + "x," * 30_000 + "]",
    "a hundred thousand keys": "".join(f"k{n}: 1\n" for n in range(100_000)),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_text_is_refused_quickly_and_politely(tmp_path: Path, name: str) -> None:
    start = time.process_time()
    code, printed, problems = checked(tmp_path, HOSTILE[name])
    seconds = time.process_time() - start
    assert code == 2
    assert problems
    assert all(each["remedy"] and each["line"] for each in problems)
    assert "Traceback" not in printed
    assert seconds < 4, f"{seconds:.1f} seconds for two readings"


def test_the_shipped_documents_are_sound_together() -> None:
    out = StringIO()
    call_command("check_mapping", *map(str, shipped_files()), stdout=out)
    assert all(line.endswith("no problems") for line in out.getvalue().splitlines())
