"""Whatever is written to a cell is read back as the same, and an unclear number is never falsified."""

import contextlib
import json
import zoneinfo
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from monday.core.columns import KINDS, plain_number
from monday.core.structure import Column, Label
from monday.sandbox import showing, writing
from monday.sandbox.labels import BoardLabel

COLUMN = Column("c", "C", "", labels=(Label(7, "2026"),))
words = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=30).filter(str.strip)
numbers = st.decimals(allow_nan=False, allow_infinity=False, places=6, min_value=-(10**12), max_value=10**12)
ids = st.integers(1, 10**12).map(str)
canonical = {
    "text": words,
    "long_text": words,
    "numbers": numbers.map(lambda number: plain_number(str(number))),
    "date": st.one_of(
        st.dates().map(lambda day: day.isoformat()),
        st.datetimes().map(lambda moment: moment.replace(microsecond=0).isoformat() + "Z"),
    ),
    "status": st.one_of(words.filter(lambda label: not label.strip().isdigit()), st.just("2026")),
    "dropdown": st.lists(words, min_size=1, max_size=5, unique=True),
    "checkbox": st.booleans(),
    "email": st.fixed_dictionaries({"email": words, "text": words}),
    "phone": st.fixed_dictionaries(
        {"phone": st.from_regex(r"\+[1-9][0-9]{6,14}", fullmatch=True), "country": st.just("DE")}
    ),
    "link": st.fixed_dictionaries({"url": words, "text": st.just("") | words}),
    "timeline": st.fixed_dictionaries({"from": st.dates().map(str), "to": st.dates().map(str)}),
    "people": st.lists(
        st.tuples(st.sampled_from(["person", "team"]), ids).map(":".join), min_size=1, max_size=3, unique=True
    ),
    "tags": st.lists(ids, min_size=1, max_size=3, unique=True),
    "board_relation": st.lists(ids, min_size=1, max_size=3, unique=True),
}


def shown(kind, sent):
    """The cell as the API's reference says that it shows what was sent."""
    if kind == "status":
        return {"label": sent.get("label", "2026"), "value": json.dumps({"index": 7})} if sent else {"value": None}
    if kind == "dropdown":
        return {"values": [{"id": str(n), "label": label} for n, label in enumerate(sent["labels"])], "value": "{}"}
    if kind == "board_relation":
        return {"text": None, "value": None, "linked_item_ids": [str(n) for n in sent["item_ids"]]}
    if kind == "long_text":
        return {"text": sent["text"], "value": json.dumps({**sent, "changed_at": "2026-01-01T00:00:00.000Z"})}
    text = sent if isinstance(sent, str) else ""
    return {"text": text, "value": None if sent is None else json.dumps(sent)}


def test_every_writable_kind_has_a_strategy():
    assert canonical.keys() == {kind.name for kind in KINDS.values() if kind.writable} - {"name"}


@given(st.data())
def test_what_is_written_is_read_back_as_the_same(data):
    name = data.draw(st.sampled_from(sorted(canonical)))
    value = data.draw(canonical[name])
    kind = KINDS[name]
    read = kind.decode(shown(name, kind.encode(value, COLUMN)))
    assert kind.same(value, read)
    assert kind.same(read, value)
    if name not in ("checkbox",):
        assert read == value


class Writer:
    """What the local board asks while it keeps a value; it makes a label for each text that is new."""

    now = "2026-01-01T00:00:00Z"

    def __init__(self):
        self.labels = {7: "2026"}

    def label(self, wanted):
        known = {text: number for number, text in self.labels.items()}
        if wanted not in self.labels and wanted not in known:
            self.labels[100 + len(self.labels)] = wanted
            return max(self.labels)
        return known.get(wanted, wanted)

    def linkable(self, ids):
        return True


class Reader:
    """What the local board asks while it shows a cell; its people live far from UTC."""

    item_id, creator_id, zone = 1, "1", zoneinfo.ZoneInfo("Pacific/Auckland")
    created_at = updated_at = "2026-01-01T00:00:00Z"

    def __init__(self, labels):
        self.labels = labels

    def label(self, number):
        return BoardLabel(number, self.labels[number], True, "done_green", 0, False, None)

    def names(self, ids):
        return [(number, f"Item {number}") for number in ids]

    def person(self, kind, number):
        return f"{kind} {number}"


addresses = st.from_regex(r"[a-z]{1,9}@[a-z]{1,9}\.[a-z]{2,3}", fullmatch=True)
links = st.from_regex(r"https://[a-z]{1,9}/[a-z0-9]{0,9}", fullmatch=True)
spans = st.lists(st.dates().map(str), min_size=2, max_size=2).map(sorted)
taken = {
    **canonical,
    "status": st.one_of(words.map(str.strip).filter(lambda label: not label.isdigit()), st.just("2026")),
    "dropdown": st.lists(words.map(str.strip), min_size=1, max_size=5, unique=True),
    "email": st.fixed_dictionaries({"email": addresses, "text": words}),
    "link": st.fixed_dictionaries({"url": links, "text": st.just("") | words}),
    "timeline": spans.map(lambda two: {"from": two[0], "to": two[1]}),
}


@given(st.data())
def test_the_local_board_keeps_every_kind_and_shows_it_as_the_same(data):
    name = data.draw(st.sampled_from(sorted(taken)))
    value, kind, writer = data.draw(taken[name]), KINDS[name], Writer()
    column = Column("c", "C", name, labels=(Label(7, "2026"),))
    stored = writing.stored("c", name, json.loads(json.dumps(kind.encode(value, column))), writer)
    reader = Reader(writer.labels)
    assert kind.same(value, kind.decode(showing.shown(name, json.loads(json.dumps(stored)), reader)))
    cleared = writing.stored("c", name, kind.encode(None, column), writer)
    assert cleared is None
    assert kind.same(None, kind.decode(showing.shown(name, cleared, reader)))


@given(st.sampled_from(sorted(canonical)), st.data())
def test_a_filled_cell_is_never_the_same_as_an_empty_one(name, data):
    value = data.draw(canonical[name])
    if value is not False:
        assert not KINDS[name].same(value, None)


@given(numbers)
def test_the_plain_form_of_a_number_is_stable_and_exact(number):
    plain = plain_number(str(number))
    assert plain_number(plain) == plain
    assert Decimal(plain) == number


@given(st.text(max_size=20))
def test_what_is_no_number_raises_and_nothing_else(text):
    with contextlib.suppress(ValueError):
        plain_number(text)
