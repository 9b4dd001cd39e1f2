"""Whatever an earlier file holds gives drafts or refusals, every draft is a sound document, and nothing is lost."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mapping.core.document import parse_board, parse_customer
from mapping.core.yaml_text import read
from mapping.imports.translation import Translation, translate
from mapping.imports.writing import document, scalar, with_aliases
from tests.core.mapping_samples import BOARD, COLUMNS
from tests.imports.test_translation import CUSTOMERS, MAPPING

PRINTABLE = st.text(
    st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="\u2028\u2029\ufeff"), max_size=30
)
NAMES = st.one_of(PRINTABLE, st.sampled_from(["ORDER", "PRICE", "CUSTOMER", "STYLE", "NO", "012", "~", "null"]))
IDS = st.sampled_from(["text_order", "numeric_price", "dropdown_type", "date_exf", "lookup_1", "name", "no id", None])
LEAVES = st.one_of(st.none(), st.booleans(), st.integers(-9, 10**12), st.floats(allow_nan=False), NAMES)
ANYTHING = st.recursive(
    LEAVES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=3), max_leaves=8
)
ENTRY = st.fixed_dictionaries(
    {},
    optional={
        "source_field": st.one_of(NAMES, ANYTHING),
        "target_field": st.one_of(st.sampled_from(["Name", "Group", "X"]), ANYTHING),
        "target_column_id": st.one_of(IDS, ANYTHING),
        "target_type": st.one_of(st.sampled_from(["text", "numbers", "date", "mirror"]), ANYTHING),
        "transformation": st.one_of(st.sampled_from(["direct_mapping", "value_mapping", "date", "concat"]), ANYTHING),
        "mapping_rules": st.one_of(
            st.lists(st.fixed_dictionaries({"source_value": LEAVES, "target_value": LEAVES}), max_size=3), ANYTHING
        ),
        "source_fields": st.one_of(st.lists(NAMES, max_size=3), ANYTHING),
        "mystery": ANYTHING,
    },
)
SECTION = st.one_of(st.lists(ENTRY, max_size=3), st.dictionaries(NAMES, ENTRY, max_size=2), ANYTHING)
STEP = st.fixed_dictionaries(
    {},
    optional={
        "field": NAMES,
        "operation": st.one_of(st.sampled_from(["replace_value", "trim_and_clean"]), ANYTHING),
        "find": ANYTHING,
        "replace": ANYTHING,
    },
)
MAPPINGS = st.fixed_dictionaries(
    {"exact_matches": SECTION},
    optional={
        "mapped_fields": SECTION,
        "computed_fields": SECTION,
        "target_only_fields": SECTION,
        "excluded_fields": SECTION,
        "preprocessing": st.one_of(st.fixed_dictionaries({"data_cleaning": st.lists(STEP, max_size=3)}), ANYTHING),
        "metadata": ANYTHING,
        "other": ANYTHING,
    },
)
CUSTOMER = st.fixed_dictionaries(
    {"canonical": st.one_of(NAMES, ANYTHING)},
    optional={
        "status": st.one_of(st.sampled_from(["approved", "review"]), ANYTHING),
        "master_order_list": st.one_of(NAMES, ANYTHING),
        "aliases": st.one_of(st.lists(NAMES, max_size=4), ANYTHING),
        "matching_config": st.one_of(
            st.fixed_dictionaries({"size_aliases": st.dictionaries(NAMES, st.lists(NAMES, max_size=3), max_size=3)}),
            ANYTHING,
        ),
        "other": ANYTHING,
    },
)
CUSTOMER_FILES = st.fixed_dictionaries({"customers": st.one_of(st.lists(CUSTOMER, max_size=4), ANYTHING)})


def translated(data: bytes) -> Translation:
    return translate(data, base=BOARD, source_columns=COLUMNS, file="old.yaml")


def sound(made: Translation) -> None:
    assert bool(made.drafts) != bool(made.refusals)
    for finding in [*made.refusals, *made.beside, *(each for draft in made.drafts for each in draft.findings)]:
        assert finding.message
        assert finding.remedy
        assert finding.line >= 0
        assert "\n" not in finding.sentence("f")
    for draft in made.drafts:
        assert draft.text or draft.open
        if draft.text:
            parsed, problems = (parse_board if draft.kind == "board" else parse_customer)(draft.text)
            assert parsed is not None, problems


@given(
    st.one_of(st.binary(max_size=200), st.text(max_size=200).map(lambda text: text.encode("utf-8", "surrogatepass")))
)
@settings(max_examples=200, deadline=None)
def test_any_file_gives_drafts_or_refusals(data: bytes) -> None:
    sound(translated(data))


@given(st.sampled_from([MAPPING, CUSTOMERS]), st.integers(0, 1500), st.integers(0, 40), st.text(max_size=30))
@settings(max_examples=250, deadline=None)
def test_a_file_with_any_damage_gives_drafts_or_refusals(whole: str, at: int, length: int, damage: str) -> None:
    text = whole[:at] + damage + whole[at + length :]
    sound(translated(text.encode("utf-8", "surrogatepass")))


@given(st.one_of(MAPPINGS, CUSTOMER_FILES), st.booleans())
@settings(max_examples=300, deadline=None)
def test_any_content_of_the_right_shape_gives_sound_drafts(content: Any, ascii_only: bool) -> None:
    data = json.dumps(content, ensure_ascii=ascii_only, indent=1).encode()
    made = translated(data)
    sound(made)
    assert made == translated(data)


@given(st.lists(st.from_regex(r"[A-Z]{3,9}", fullmatch=True), min_size=1, max_size=6, unique=True), st.data())
@settings(max_examples=80, deadline=None)
def test_every_filled_value_stands_in_the_draft_or_in_a_finding(names: list[str], data: st.DataObject) -> None:
    entry = {f"key_{name}": f"value{name}" for name in names}
    entry |= {"source_field": "ORDER", "target_column_id": "text_order"}
    shuffled = {key: entry[key] for key in data.draw(st.permutations(list(entry)))}
    (draft,) = translated(json.dumps({"exact_matches": [shuffled]}).encode()).drafts
    for value in entry.values():
        assert value in draft.text
    assert len(draft.open) == len(names)


@given(PRINTABLE.map(str.strip))
@settings(max_examples=300, deadline=None)
def test_a_scalar_is_read_back_as_the_same(text: str) -> None:
    tree, problems = read(f"a: {scalar(text)}\nb: {{{scalar(text)}: [{scalar(text)}, x]}}\n")
    assert tree is not None, problems
    assert tree.value == {"a": text, "b": {text: [text, "x"]}}


@given(st.lists(PRINTABLE.map(str.strip).filter(bool), max_size=12, unique=True), PRINTABLE.map(str.strip).filter(bool))
@settings(max_examples=150, deadline=None)
def test_aliases_are_read_back_as_the_same_and_remarks_stay(aliases: list[str], remark: str) -> None:
    text = document({"version": "1", "customer": "HARBOUR", "aliases": ["OLD"]}, head=["ours"], tail=["the end"])
    changed = with_aliases(text, aliases)
    tree, _ = read(changed)
    assert tree is not None
    assert tree.value.get("aliases", []) == aliases
    assert changed.startswith("# ours\n")
    assert changed.endswith("# the end\n")


HOSTILE: dict[str, str | bytes] = {
    "alias bomb": "a: &a [x, x]\n"
    + "".join(f"{chr(98 + n)}: &{chr(98 + n)} [*{chr(97 + n)}, *{chr(97 + n)}]\n" for n in range(24)),
    "an alias of itself": "customers: &a [*a]",
    "tag": "customers: !!python/object/apply:os.system [x]",
    "NUL": "customers: [\x00]",
    "deep": "[" * 100_000,
    "a long line": "x: " + "y" * 5_000_000,
    "not UTF-8": b"customers:\n- \xff\xfe",
    "nothing": "",
    "only a comment": "# x",
    "a word": "hello",
    "a list of numbers": "[1, 2]",
    "another document": "version: 1\ncustomer: HARBOUR2\nboard: {}\n",
    "open bracket": "customers: [",
    "a list as key": "? [a]\n: 1",
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_or_foreign_file_is_refused_politely(name: str) -> None:
    text = HOSTILE[name]
    made = translated(text if isinstance(text, bytes) else text.encode())
    assert made.drafts == ()
    assert made.refusals
    for refusal in made.refusals:
        assert refusal.line >= 1
        assert refusal.remedy
