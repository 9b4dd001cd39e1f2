"""The earlier system's files: what is understood becomes a draft, and everything else is named with its line."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from mapping.core.document import parse_board, parse_customer
from mapping.imports.drafting import Draft
from mapping.imports.translation import Translation, translate
from tests.core.mapping_samples import BOARD, COLUMNS

MAPPING = """\
metadata: {board_id: 77001, target_board: Old Board}
exact_matches:
  - source_field: ORDER
    target_field: ORDER
    target_column_id: text_order
    target_type: text
    transformation: direct_mapping
  - {source_field: EX FACTORY, target_column_id: date_exf, target_type: date, target_field: X}
mapped_fields:
  - source_field: TYPE
    target_column_id: dropdown_type
    target_type: dropdown
    transformation: value_mapping
    mapping_rules:
      - {source_value: ACTIVE, target_value: RECEIVED}
      - {source_value: NO, target_value: 012}
      - {source_value: 1:30, target_value: 2026-01-01}
  - {source_field: TARIFF, target_column_id: numeric_tariff, target_type: numbers}
computed_fields:
  - target_field: Name
    target_column_id: name
    source_fields: [STYLE, ORDER]
    transformation: concatenation
target_only_fields:
  - {target_field: QTY PACKED, target_column_id: lookup_1}
excluded_fields:
  - {source_field: VALIDATION, reason: internal}
preprocessing:
  data_cleaning:
    - {field: TARIFF, operation: replace_value, find: TRUE, replace: 0}
    - {field: STYLE, operation: trim_and_clean}
"""
CUSTOMERS = """\
customers:
  - canonical: HARBOUR
    status: approved
    master_order_list: HARBOUR (AU)
    aliases: [harbour, "HARBOUR (US)", 2026, NO]
    matching_config:
      style_match: exact
      size_aliases: {XXL: [2XL, DOUBLE XL], M: M}
  - canonical: WHITE|FOX
    status: review
    master_order_list: [WHITE FOX, null]
    aliases:
  - {canonical: 云杉服饰, aliases: [云杉]}
  - {canonical: B'HOOD, master_order_list: B'HOOD}
"""


def translated(text: str | bytes, columns: tuple[str, ...] | None = COLUMNS) -> Translation:
    data = text if isinstance(text, bytes) else text.encode()
    return translate(data, base=BOARD, source_columns=columns, file="old.yaml")


def draft(text: str | bytes, name: str | None = None, columns: tuple[str, ...] | None = COLUMNS) -> Draft:
    made = translated(text, columns)
    assert made.refusals == ()
    return next(each for each in made.drafts if name in (None, each.name))


def board(text: str | bytes) -> Any:
    document, problems = parse_board(draft(text).text)
    assert document is not None, problems
    return document


def mapping(**entry: Any) -> Draft:
    """The draft of a mapping file with one entry."""
    known = {"source_field": "PRICE", "target_column_id": "numeric_price", **entry}
    return draft(json.dumps({"mapped_fields": [known]}))


def opened(made: Draft) -> list[tuple[int, str, str]]:
    return [(each.line, each.path, each.message) for each in made.open]


def test_a_mapping_file_becomes_a_sound_draft_of_the_board() -> None:
    document = board(MAPPING)
    assert (document.board.id, document.board.name) == ("77001", "Old Board")
    assert document.board.item == "{STYLE} {ORDER}"
    assert list(document.columns) == ["ORDER", "EX FACTORY", "TYPE", "TARIFF"]
    assert document.columns["EX FACTORY"].as_ == "date"
    assert document.columns["TYPE"].values == {"ACTIVE": "RECEIVED", "NO": "012", "1:30": "2026-01-01"}
    assert document.columns["TARIFF"].values == {"TRUE": "0"}
    assert document.sizes is not None
    assert document.source == parse_board(BOARD)[0].source  # type: ignore[union-attr]
    assert draft(MAPPING).open == ()
    assert draft(MAPPING).publishable


def test_a_customer_file_becomes_a_draft_per_customer() -> None:
    made = translated(CUSTOMERS)
    documents = [parse_customer(each.text)[0] for each in made.drafts]
    assert [each and each.customer for each in documents] == ["HARBOUR", "WHITE|FOX", "云杉服饰", "B'HOOD"]
    harbour, fox, spruce, bhood = documents
    assert harbour is not None
    assert fox is not None
    assert spruce is not None
    assert bhood is not None
    assert harbour.aliases == ("HARBOUR (AU)", "HARBOUR (US)", "2026", "NO")
    assert harbour.sizes.rename == {"2XL": "XXL"}
    assert (fox.aliases, spruce.aliases, bhood.aliases) == (("WHITE FOX",), ("云杉",), ())
    assert [each.publishable for each in made.drafts] == [True, False, True, True]


def test_the_same_file_gives_the_same_drafts() -> None:
    assert translated(MAPPING) == translated(MAPPING)


@pytest.mark.parametrize(
    "change",
    [
        lambda text: b"\xef\xbb\xbf" + text.encode(),
        lambda text: text.replace("\n", "\r\n").encode(),
        lambda text: text.encode("utf-16"),
        lambda text: (text + "...\n---\n").encode(),
    ],
)
def test_marks_and_line_ends_of_other_systems_are_read(change: Any) -> None:
    assert [each.text for each in translated(change(CUSTOMERS)).drafts] == [
        each.text for each in translated(CUSTOMERS).drafts
    ]


@pytest.mark.parametrize("indent", [None, 2, "\t"])
@pytest.mark.parametrize("ascii_only", [True, False])
def test_json_is_read(indent: Any, ascii_only: bool) -> None:
    entries = [
        {"canonical": "云杉 𠮷", "aliases": ["a\tb", 7, True, None], "status": None},
        {"aliases": "x", "canonical": "QUAY"},
    ]
    text = json.dumps({"customers": entries}, indent=indent, ensure_ascii=ascii_only)
    first, second = (parse_customer(each.text)[0] for each in translated(text).drafts)
    assert first is not None
    assert second is not None
    assert (first.customer, first.aliases) == ("云杉 𠮷", ("a b", "7", "true"))
    assert second.aliases == ("x",)


SHAPES = {
    "a list of entries": [{"source_field": "ORDER", "target_column_id": "text_order"}],
    "a block of columns": {"ORDER": {"target_column_id": "text_order"}},
    "a block of ids": {"ORDER": "text_order"},
    "one entry": {"target_column_id": "text_order", "source_field": "ORDER"},
    "a list inside a block": {"count": 1, "fields": [{"source_field": "ORDER", "target_column_id": "text_order"}]},
}


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("below", [True, False])
def test_a_section_is_read_in_every_shape(shape: str, below: bool) -> None:
    sections = {"exact_matches": SHAPES[shape], "mapped_fields": None}
    made = draft(json.dumps({"orders_mapping": sections} if below else sections))
    document, _ = parse_board(made.text)
    assert document is not None
    assert {name: entry.to for name, entry in document.columns.items()} == {"ORDER": "text_order"}
    assert made.open == ()


def test_customers_may_stand_in_a_block_by_name_or_without_a_head() -> None:
    for text in (
        '{"customers": {"QUAY": {"aliases": ["Q"]}}}',
        '{"customers": {"QUAY": ["Q"]}}',
        '[{"canonical": "QUAY", "aliases": "Q"}]',
    ):
        assert "aliases: [Q]" in draft(text).text


# entry of mapped_fields, path of the finding, part of its message
OPEN_ENTRIES: list[tuple[dict[str, Any], str, str]] = [
    ({"target_column_id": None}, "mapped_fields[1]", "names no id"),
    ({"source_field": ""}, "mapped_fields[1]", "names no source column"),
    ({"target_column_id": "Customer Price"}, "mapped_fields[1]", "is no id"),
    ({"target_column_id": "lookup_mkr1"}, "mapped_fields[1]", "mirror"),
    ({"target_column_id": "name"}, "mapped_fields[1]", "made by a template"),
    ({"target_column_id": "text_record_uuid"}, "mapped_fields[1]", "uuid_column"),
    ({"target_type": "hologram"}, "mapped_fields[1].target_type", "'hologram' is not known"),
    ({"transformation": "divine"}, "mapped_fields[1].transformation", "'divine' is not known"),
    ({"transformation": {"type": "date"}}, "mapped_fields[1].transformation", "several parts"),
    ({"transformation": "date_format"}, "mapped_fields[1].transformation", "does not fit"),
    ({"transformation": "value_mapping"}, "mapped_fields[1].transformation", "no rules"),
    ({"mapping_rules": ["x"]}, "mapped_fields[1].mapping_rules[1]", "source_value"),
    ({"mapping_rules": [{"source_value": "A"}]}, "mapped_fields[1].mapping_rules[1]", "source_value"),
    (
        {"mapping_rules": [{"source_value": "*", "target_value": "1"}]},
        "mapped_fields[1].mapping_rules[1]",
        "every other cell",
    ),
    ({"mapping_rules": {"A": ["1"]}}, "mapped_fields[1].mapping_rules.A", "no replacement"),
    ({"mapping_rules": {"A": "1", "a": "2"}}, "mapped_fields[1].mapping_rules", "earlier rule"),
    ({"mapping_rules": {"TBC": "none"}}, "mapped_fields[1]", "is not a number"),
    ({"fallback": 7}, "mapped_fields[1].fallback", "not known"),
]


@pytest.mark.parametrize(("entry", "path", "message"), OPEN_ENTRIES)
def test_what_is_not_understood_is_open(entry: dict[str, Any], path: str, message: str) -> None:
    text = json.dumps(
        {
            "exact_matches": [{"source_field": "ORDER", "target_column_id": "text_order"}],
            "mapped_fields": [{"source_field": "PRICE", "target_column_id": "numeric_price", **entry}],
        },
        indent=1,
    )
    made = draft(text)
    assert not made.publishable
    assert [each for each in made.open if each.path == path and message in each.message], opened(made)
    assert all(each.remedy and 1 <= each.line <= text.count("\n") + 1 for each in made.open)
    assert parse_board(made.text)[0] is not None
    for finding in made.findings:
        for leaf in finding.leaves:
            assert leaf.sentence() in made.text


@pytest.mark.parametrize(
    ("transformation", "as_"),
    [("Direct Mapping", None), ("trim", None), ("percentage", "percent"), ("TO_NUMBER", "decimal"), (None, None)],
)
def test_known_transformations_are_translated(transformation: str | None, as_: str | None) -> None:
    made = mapping(transformation=transformation)
    assert made.open == ()
    document, _ = parse_board(made.text)
    assert document is not None
    assert document.columns["PRICE"].as_ == as_


def cleaned(*steps: dict[str, Any], rules: dict[str, str] | None = None) -> Draft:
    entry = {"source_field": "PRICE", "target_column_id": "numeric_price", "mapping_rules": rules}
    return draft(json.dumps({"mapped_fields": [entry], "preprocessing": {"data_cleaning": list(steps)}}))


def test_cleaning_comes_before_the_rules_of_a_column() -> None:
    step = {"field": "price", "operation": "replace_value", "find": "n/a", "replace": "TBC"}
    document, _ = parse_board(cleaned(step, rules={"TBC": "0"}).text)
    assert document is not None
    assert document.columns["PRICE"].values == {"TBC": "0", "n/a": "0"}


@pytest.mark.parametrize(
    ("step", "message"),
    [
        ({"field": "PRICE", "operation": "explode"}, "operation 'explode'"),
        ({"field": "PRICE"}, "operation 'none'"),
        ({"operation": "replace_value", "find": "A", "replace": "B"}, "names no field"),
        ({"field": "PRICE", "operation": "replace_value", "find": "A"}, "no find with a replace"),
        ({"field": "OTHER", "operation": "replace_value", "find": "A", "replace": "B"}, "no column of the mapping"),
        ({"field": "PRICE", "operation": "trim_and_clean", "when": "always"}, "key is not known"),
    ],
)
def test_cleaning_that_is_not_understood_is_open(step: dict[str, Any], message: str) -> None:
    assert any(message in said for _, _, said in opened(cleaned(step)))


def test_contradictions_inside_the_file_are_open() -> None:
    text = """\
exact_matches:
  - {source_field: ORDER, target_column_id: text_order}
  - {source_field: ORDER, target_column_id: text_other}
  - {source_field: STYLE, target_column_id: text_order}
excluded_fields: [ORDER]
mystery: {a: [1, 2]}
exact_matches: []
"""
    made = draft(text)
    assert [(line, path) for line, path, _ in opened(made)] == [
        (3, "exact_matches[2]"),
        (4, "exact_matches[3]"),
        (5, "excluded_fields"),
        (6, "mystery"),
        (7, "exact_matches"),
    ]
    for said in ("mystery.a[1]: 1", "mystery.a[2]: 2", "text_other"):
        assert said in made.text


def test_a_computed_field_that_is_no_template_is_open() -> None:
    text = json.dumps(
        {
            "exact_matches": {"ORDER": "text_order"},
            "computed_fields": [
                {"target_field": "Group", "source_fields": ["CUSTOMER", "SEASON"], "transformation": "season_logic"},
                {"target_field": "Margin", "target_column_id": "numeric_margin", "source_fields": ["A", "B"]},
            ],
        }
    )
    assert [path for _, path, _ in opened(draft(text))] == ["computed_fields[1]", "computed_fields[2]"]


def test_a_group_of_joined_columns_becomes_a_template() -> None:
    text = json.dumps(
        {
            "exact_matches": {"ORDER": "text_order"},
            "computed_fields": [
                {
                    "target_field": "Group",
                    "source_fields": ["CUSTOMER", "SEASON"],
                    "transformation": "concat",
                    "separator": " - ",
                },
            ],
        }
    )
    assert board(text).board.group == "{customer} - {SEASON}"


def test_a_spelling_of_two_customers_is_open_in_both() -> None:
    made = translated("customers:\n- {canonical: A, aliases: [X]}\n- {canonical: B, aliases: [x]}\n")
    assert [[each.line for each in each.open] for each in made.drafts] == [[2], [3]]


def test_a_customer_that_stands_twice_is_put_together_and_open() -> None:
    made = translated("customers:\n- {canonical: A, aliases: [X]}\n- {canonical: a, aliases: [Z], status: review}\n")
    (single,) = made.drafts
    assert "aliases: [X, Z]" in single.text
    assert (single.status, [each.line for each in single.open]) == ("review", [3])


def test_customers_without_a_name_are_told_beside_the_drafts() -> None:
    made = translated("customers:\n- {canonical: A}\n- {aliases: [X]}\n- 5\n- [x]\n")
    assert [each.name for each in made.drafts] == ["A", "5"]
    assert [each.line for each in made.beside] == [3, 5]


def test_other_names_of_sizes_are_held_against_the_source() -> None:
    assert draft(CUSTOMERS, "HARBOUR").open == ()
    unknown = draft(CUSTOMERS, "HARBOUR", columns=None)
    assert [message for _, _, message in opened(unknown) if "not read" in message]
    assert "rename" not in unknown.text.partition("# Not")[0]


def test_columns_are_held_against_the_source() -> None:
    text = json.dumps({"exact_matches": {"order ": "text_order", "STILE": "dropdown_style"}})
    made = draft(text)
    assert list(board(text).columns) == ["ORDER"]
    (finding,) = made.open
    assert "no column 'STILE'" in finding.message
    assert finding.remedy == "Did you mean 'STYLE'?"
    assert draft(text, columns=None).open == ()


def test_an_unknown_status_is_open() -> None:
    assert not draft("customers: [{canonical: A, status: maybe}]").publishable


def test_anchors_and_merge_keys_are_followed() -> None:
    text = "x: &base {target_type: text}\nexact_matches:\n"
    text += "- {<<: *base, source_field: ORDER, target_column_id: text_order}\n"
    assert board(text).columns["ORDER"].to == "text_order"


def test_the_pairs_of_the_facts_are_all_translated() -> None:
    facts = Path(__file__).parents[3] / "shared" / "reference" / "orders-unified.yaml"
    if not facts.exists():
        pytest.skip("the facts file ../shared/reference/orders-unified.yaml is not beside the checkout")
    from mapping.core.yaml_text import read

    tree, _ = read(facts.read_bytes())
    assert tree is not None
    pairs = tree.value["pairs"]
    entries = [{"source_field": name, "target_column_id": to} for name, to in pairs.items()]
    made = draft(json.dumps({"exact_matches": entries}), columns=None)
    assert made.translated == len(pairs) == 43
    assert made.open == ()


def test_an_id_that_the_document_in_force_contradicts_is_open() -> None:
    entries = [
        {"source_field": "ORDER", "target_column_id": "text_order"},
        {"source_field": "STYLE", "target_column_id": "dropdown_style"},
        {"source_field": "PRICE", "target_column_id": "text_stale"},
    ]
    made = draft(json.dumps({"exact_matches": entries}))
    ((_, path, message),) = opened(made)
    assert path == "exact_matches[3]"
    assert message == "'PRICE' goes to text_stale here, and to numeric_price by the document that holds"
    assert not made.publishable
    assert "PRICE" in made.text, "the draft keeps what the file says"


def test_a_file_of_another_board_has_ids_of_its_own() -> None:
    entries = [{"source_field": name, "target_column_id": f"text_{name.lower()}x"} for name in ("ORDER", "STYLE")]
    assert opened(draft(json.dumps({"exact_matches": entries}))) == []


@pytest.mark.parametrize(
    ("transformation", "rules", "as_", "open_"),
    [
        ("date_format: YYYY-MM-DD", None, "date", 0),
        ("date_format: DD/MM/YYYY", None, "date", 1),
        ("customer_mapping_lookup", [{"source_value": "A", "target_value": "B"}], None, 0),
        ("customer_mapping_lookup", None, None, 1),
        ("percentage_to_decimal", None, "fraction", 0),
    ],
)
def test_transformations_with_a_parameter_or_rules_beside_them(
    transformation: str, rules: Any, as_: str | None, open_: int
) -> None:
    to = {"date": "date_exf", "fraction": "numeric_tariff"}.get(as_ or "", "dropdown_style")
    made = mapping(source_field="PO", target_column_id=to, transformation=transformation, mapping_rules=rules)
    assert len(made.open) == open_, opened(made)


@pytest.mark.parametrize(
    "sizes",
    [
        "{XXL: [2XL]}",
        "{XXL: 2XL}",
        "{XXL: {aliases: [2XL]}}",
        "[{size: XXL, aliases: [2XL]}]",
        "[{name: XXL, variants: 2XL, rank: 5}]",
    ],
)
def test_other_names_of_sizes_are_read_in_every_shape(sizes: str) -> None:
    for block in (f"matching_config: {{size_aliases: {sizes}}}", f"size_aliases: {sizes}"):
        made = draft(f"customers:\n  - canonical: A\n    {block}\n")
        document, _ = parse_customer(made.text)
        assert document is not None
        assert document.sizes.rename == {"2XL": "XXL"}
        assert made.open == ()


def test_a_file_that_is_indented_with_tabs_is_read() -> None:
    text = "customers:\n\t- canonical: A\n\t  status: approved\n\t  aliases:\n\t\t- A\tONE\n"
    (made,) = translated(text).drafts
    document, _ = parse_customer(made.text)
    assert document is not None
    assert (document.customer, document.aliases) == ("A", ("A ONE",))
    broken = translated(text + "\t  x: [")
    assert broken.refusals[0].line >= 5


HELD = """\
# Two spellings in the source.
version: 1
customer: HARBOUR
aliases: [HARBOUR (AU)]   # both its shops
columns:
  NOTES: {to: long_text_notes, required: true}
business_key: [ORDER, STYLE]
"""


def upon(held: str, **entry: Any) -> Draft:
    """The draft of a customer who has this document already."""
    data = json.dumps({"customers": [{"canonical": "Harbour", **entry}]}).encode()
    made = translate(data, base=BOARD, source_columns=COLUMNS, file="old.yaml", held={"harbour": held})
    return made.drafts[0]


def test_a_customer_who_has_a_document_keeps_it_and_what_the_file_says_is_added() -> None:
    made = upon(HELD, aliases=["harbour (us)", "HARBOUR (NZ)"], matching_config={"size_aliases": {"XXL": ["2XL"]}})
    document, _ = parse_customer(made.text)
    assert document is not None
    assert (made.name, document.customer) == ("HARBOUR", "HARBOUR")
    assert document.aliases == ("HARBOUR (AU)", "harbour (us)", "HARBOUR (NZ)")
    assert (document.business_key, document.sizes.rename) == (("ORDER", "STYLE"), {"2XL": "XXL"})
    assert document.columns["NOTES"].required
    assert made.text.startswith("# Two spellings in the source.\n")
    assert "# both its shops" in made.text
    assert [finding.leaves[0].text for finding in made.findings] == ["HARBOUR (AU)"]
    assert made.publishable
    again = upon(made.text, aliases=["harbour (us)", "HARBOUR (NZ)"], matching_config={"size_aliases": {"XXL": "2XL"}})
    assert again.text == made.text


def test_a_file_that_says_nothing_new_of_a_customer_leaves_its_document_as_it_is() -> None:
    assert upon(HELD, aliases=["harbour (au)"], status="approved").text == HELD


def test_what_cannot_be_added_to_a_document_is_for_a_person() -> None:
    sizes = upon(HELD + "sizes: {rename: {2XL: XL}}\n", matching_config={"size_aliases": {"XXL": ["2XL"]}})
    assert "'2XL' for 'XXL' is not what the document" in sizes.open[0].message
    laid_out = "{version: 1, customer: HARBOUR, aliases: [HARBOUR (AU)]}\n"
    flowed = upon(laid_out, aliases=["NZ"], matching_config={"size_aliases": {"XXL": ["2XL"]}})
    assert flowed.text.startswith(laid_out)
    assert [finding.path for finding in flowed.open] == ["customers[1].aliases", "customers[1].size_aliases"]


def test_a_spelling_that_no_document_holds_is_taken_out_of_one_that_holds() -> None:
    made = upon(HELD, aliases=["x" * 300, "HARBOUR (NZ)"])
    assert "HARBOUR (NZ)" in made.text
    assert parse_customer(made.text)[0] is not None
