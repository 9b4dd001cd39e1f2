"""Cell values: what is sent, what is read, and what counts as the same."""

import json

import pytest

from monday.core.columns import KINDS, NotWritable, guess_kind, kind_of, plain_number
from monday.core.structure import Column, Label


def column(kind, *labels):
    return Column("c", "Price", kind, tuple(labels))


def encode(kind, value, *labels):
    return KINDS[kind].encode(value, column(kind, *labels))


def cell(value=None, **fields):
    return {"id": "c", "value": None if value is None else json.dumps(value), **fields}


@pytest.mark.parametrize("kind", [k.name for k in KINDS.values() if k.writable and k.name != "name"])
def test_none_clears_every_kind_with_null(kind):
    assert encode(kind, None) is None


@pytest.mark.parametrize("kind", ["numbers", "text", "date", "status", "dropdown"])
def test_an_empty_text_clears_and_never_writes_a_zero(kind):
    assert encode(kind, "") is None


def test_a_name_cannot_be_emptied():
    for empty in (None, "", "  "):
        with pytest.raises(NotWritable, match="Remedy"):
            encode("name", empty)


def test_numbers_travel_in_plain_form():
    assert encode("numbers", "28.860") == "28.86"
    assert encode("numbers", "1e3") == "1000"
    with pytest.raises(NotWritable):
        encode("numbers", "TBC")


@pytest.mark.parametrize(
    ("raw", "plain"), [("28.860", "28.86"), ("-0", "0"), ("100", "100"), (".50", "0.5"), ("0.000", "0")]
)
def test_a_number_has_one_form(raw, plain):
    assert plain_number(raw) == plain


@pytest.mark.parametrize("raw", ["", "nan", "inf", "1,204", "1e999999999", "$1"])
def test_what_is_no_number_is_said_to_be_none(raw):
    with pytest.raises(ValueError):
        plain_number(raw)


def test_a_number_is_read_from_its_stored_text_and_not_from_the_rounded_one():
    assert KINDS["numbers"].decode(cell("28.8649", text="28.86")) == "28.8649"
    assert KINDS["numbers"].decode(cell(None, text="")) is None
    assert KINDS["numbers"].same("28.860", "28.86")
    assert not KINDS["numbers"].same("0", None)


def test_a_status_is_written_by_label_so_that_a_renamed_label_is_not_taken_for_another():
    assert encode("status", "Done", Label(3, "Done")) == {"label": "Done"}


def test_a_status_that_looks_like_a_number_is_written_by_its_id():
    assert encode("status", "2026", Label(7, "2026")) == {"index": 7}
    with pytest.raises(NotWritable, match="create the label first"):
        encode("status", "2026", Label(7, "2026", active=False))


def test_a_dropdown_label_with_a_comma_stays_one_label():
    assert encode("dropdown", ["Red, dark", "Blue", "Blue"]) == {"labels": ["Red, dark", "Blue"]}
    assert KINDS["dropdown"].decode(
        cell({"ids": [1]}, text="Red, dark", values=[{"id": "1", "label": "Red, dark"}])
    ) == ["Red, dark"]


def test_the_order_of_dropdown_labels_does_not_matter_but_their_spelling_does():
    same = KINDS["dropdown"].same
    assert same(["A", "B"], ["B", "A"])
    assert same("A", ["A"])
    assert same([], None)
    assert not same(["a"], ["A"])


def test_an_email_has_both_keys():
    assert encode("email", {"email": "a@b.c", "text": ""}) == {"email": "a@b.c", "text": "a@b.c"}
    assert KINDS["email"].decode(cell({"email": "a@b.c", "text": "Ann", "changed_at": "x"})) == {
        "email": "a@b.c",
        "text": "Ann",
    }
    assert KINDS["email"].same({"email": "a@b.c"}, {"email": "a@b.c", "text": "a@b.c"})


def test_a_date_with_a_time_travels_in_utc_whatever_zone_is_shown():
    assert encode("date", "2026-01-31T23:30:00Z") == {"date": "2026-01-31", "time": "23:30:00"}
    shown = cell({"date": "2026-01-31", "time": "23:30:00"}, text="2026-02-01 00:30", date="2026-02-01", time="00:30")
    assert KINDS["date"].decode(shown) == "2026-01-31T23:30:00Z"
    assert encode("date", "2026-01-31") == {"date": "2026-01-31"}


@pytest.mark.parametrize("value", ["31/01/2026", "2026-13-01", "2026-01-31 10:00", True])
def test_what_is_no_date_is_refused_before_sending(value):
    with pytest.raises(NotWritable):
        encode("date", value)


def test_an_untouched_checkbox_and_an_emptied_one_are_the_same():
    decode = KINDS["checkbox"].decode
    assert decode(cell(None)) is False
    assert decode(cell({"checked": True})) is True
    assert encode("checkbox", False) is None
    assert encode("checkbox", True) == {"checked": "true"}
    assert KINDS["checkbox"].same(None, False)


def test_people_phones_links_and_timelines_keep_their_parts():
    assert encode("people", ["person:1", "team:2"]) == {
        "personsAndTeams": [{"id": 1, "kind": "person"}, {"id": 2, "kind": "team"}]
    }
    assert encode("phone", {"phone": "+4930123", "country": "DE"}) == {"phone": "+4930123", "countryShortName": "DE"}
    assert encode("link", {"url": "https://a.example", "text": ""}) == {"url": "https://a.example", "text": ""}
    assert encode("timeline", {"from": "2026-01-01", "to": "2026-02-01"}) == {"from": "2026-01-01", "to": "2026-02-01"}
    assert KINDS["phone"].same({"phone": "+49 30 123"}, {"phone": "+4930123", "country": "DE"})


def test_connected_items_are_read_from_their_own_field():
    assert KINDS["board_relation"].decode(cell(None, text=None, linked_item_ids=["5", "6"])) == ["5", "6"]


@pytest.mark.parametrize("kind", ["mirror", "formula", "item_id", "subtasks", "last_updated", "never heard of"])
def test_read_only_kinds_are_refused_before_sending(kind):
    with pytest.raises(NotWritable, match="does not write"):
        kind_of(column(kind)).encode("x", column(kind))


def test_a_mirror_is_read_from_what_it_displays():
    assert KINDS["mirror"].decode(cell(None, text=None, display_value="12")) == "12"


def test_line_ends_and_outer_blanks_make_no_difference():
    assert KINDS["long_text"].same("a\r\nb ", "a\nb")
    assert KINDS["text"].same("", None)
    assert encode("long_text", "a") == {"text": "a"}


@pytest.mark.parametrize(
    ("column_id", "kind"),
    [
        ("text_mkr5wya6", "text"),
        ("long_text_mkr5p0cf", "long_text"),
        ("numeric_mkr5cact", "numbers"),
        ("dropdown_mkr518fc", "dropdown"),
        ("color_mkr5yf27", "status"),
        ("status", "status"),
        ("status_1", "status"),
        ("date4", "date"),
        ("date_mkr5zp5", "date"),
        ("boolean_mk", "checkbox"),
        ("multiple_person_mk", "people"),
        ("board_relation_mkr5cer8", "board_relation"),
        ("lookup_mkr6113x", "mirror"),
        ("formula_mkre54dj", "formula"),
        ("pulse_id_mkr5pb5q", "item_id"),
        ("pulse_updated_mks8qpqh", "last_updated"),
        ("subtasks_mkr5c0kp", "subtasks"),
        ("timerange_mk", "timeline"),
        ("name", "name"),
        ("texture", "unsupported"),
        ("", "unsupported"),
    ],
)
def test_a_kind_is_guessed_from_an_id(column_id, kind):
    assert guess_kind(column_id) == kind
