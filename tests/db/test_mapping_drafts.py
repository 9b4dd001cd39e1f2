"""Drafts and the differences between versions: kept as typed, retired and never edited."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from mapping.diffs import between
from mapping.drafts import (
    NotADraft,
    discard_draft,
    draft_problems,
    open_drafts,
    publish_draft,
    publish_drafts,
    save_draft,
    save_draft_text,
)
from mapping.models import Alias, Version, VersionState
from mapping.publish import NotPublishable, document_for, load_family, publish_text
from tests.core.mapping_samples import BHOOD, BOARD, HARBOUR

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


def ignore(**event: Any) -> None:
    """Nobody records here."""


def put(text: str) -> Version:
    return publish_text(text=text, actor="anna", note="", now=NOW, record=ignore)


def draft(text: str, actor: str = "ben") -> Version:
    return save_draft_text(text=text, actor=actor, note="", now=NOW).version


def test_a_draft_is_kept_as_typed_and_does_not_hold() -> None:
    put(BOARD)
    version = draft(BOARD.replace("name: Orders", "name: Others   # sic"))
    assert (version.number, version.state, version.author) == (2, VersionState.DRAFT, "ben")
    assert load_family().family.board.board.name == "Orders"
    assert open_drafts(version.document) == [version]


def test_any_text_can_be_kept_and_an_unsound_one_cannot_be_published() -> None:
    document = put(BOARD).document
    saved = save_draft(document=document, text="version: [", actor="ben", note="", now=NOW)
    assert draft_problems(saved.version)
    with pytest.raises(NotPublishable):
        publish_draft(version=saved.version, actor="anna", note="", now=NOW, record=ignore)
    assert open_drafts(document) == [saved.version]


def test_a_text_that_belongs_nowhere_leaves_nothing_behind() -> None:
    with pytest.raises(NotPublishable):
        draft("customer: [")
    assert not Version.objects.exists()


def test_saving_the_same_text_again_makes_nothing_new() -> None:
    first = put(BOARD)
    again = save_draft_text(text=BOARD, actor="ben", note="", now=NOW)
    assert (again.version, again.new, again.holds) == (first, False, True)
    changed = BOARD + "# so\n"
    assert draft(changed) == draft(changed)
    assert Version.objects.count() == 2


def test_a_newer_draft_retires_the_authors_older_one_and_nobody_elses() -> None:
    document = put(BOARD).document
    one, other = draft(BOARD + "# one\n"), draft(BOARD + "# other\n", actor="carla")
    newer = draft(BOARD + "# two\n")
    assert open_drafts(document) == [newer, other]
    one.refresh_from_db()
    assert one.state == VersionState.RETIRED


def test_publishing_a_draft_retires_it_and_names_both_people() -> None:
    put(BOARD)
    version = draft(HARBOUR)
    events: list[dict[str, Any]] = []
    published = publish_draft(
        version=version, actor="anna", note="", now=NOW, record=lambda **event: events.append(event)
    )
    version.refresh_from_db()
    assert (version.state, published.state, published.text) == ("retired", "published", HARBOUR)
    assert events[0]["actor"] == "anna"
    assert "by ben" in events[0]["reason"]
    assert Alias.objects.filter(folded="harbour (us)").exists()
    with pytest.raises(NotADraft):
        publish_draft(version=version, actor="anna", note="", now=NOW, record=ignore)


def test_a_draft_that_nobody_wants_is_retired_once() -> None:
    version = draft(BOARD)
    discard_draft(version=version)
    assert open_drafts(version.document) == []
    with pytest.raises(NotADraft):
        discard_draft(version=version)


def test_several_drafts_are_published_in_the_order_that_they_need() -> None:
    put(BOARD)
    put(BHOOD)
    put(HARBOUR)
    taking, giving = draft("version: 1\ncustomer: QUAY\naliases: [BHOOD]\n"), draft("version: 1\ncustomer: B'HOOD\n")
    clashing = draft("version: 1\ncustomer: JUNIPER\naliases: [harbour (us)]\n")
    published, refused = publish_drafts(versions=[taking, giving, clashing], actor="anna", now=NOW, record=ignore)
    assert set(published) == {taking.pk, giving.pk}
    assert [each.version for each in refused] == [clashing]
    assert "'HARBOUR' too" in refused[0].problems[0].message


def test_the_difference_of_two_versions_is_told_by_line_and_by_setting() -> None:
    one = put(BOARD)
    other = put(
        BOARD.replace("STYLE: dropdown_style", "STYLE: {to: dropdown_other}").replace("  UNIT: color_unit\n", "")
    )
    difference = between(one, other)
    assert [(row.kind, row.before_line, row.after_line) for row in difference.rows if row.kind != "same"] == [
        ("changed", 17, 17),
        ("removed", 22, None),
    ]
    assert difference.settings is not None
    assert [each.sentence() for each in difference.settings] == [
        "columns.STYLE: dropdown_style -> dropdown_other",
        "columns.UNIT: removed, was color_unit",
    ]
    assert not difference.cosmetic
    excerpt = difference.excerpt(1)
    assert excerpt[0] is None
    assert len(excerpt) == 9


@pytest.mark.parametrize(
    "after",
    [
        BOARD + "# a remark\n",
        BOARD.replace("name: Orders", "name:   'Orders'"),
        BOARD.replace("STYLE: dropdown_style", "STYLE: {to: dropdown_style}"),
        BOARD.replace("  id: 5600100200\n  name: Orders\n", "  name: Orders\n  id: 5600100200\n"),
    ],
)
def test_a_difference_of_layout_is_called_so(after: str) -> None:
    assert between(BOARD, after).cosmetic


def test_texts_that_are_no_documents_still_have_lines() -> None:
    assert between(BOARD, "version: [").settings is None
    assert between(BOARD, BOARD).same
    first = between(None, "version: 1\n")
    assert [(row.kind, row.after) for row in first.rows] == [("added", "version: 1")]
    assert first.settings is not None
    assert [each.sentence() for each in first.settings] == ["version: added, 1"]


def test_a_document_that_was_never_published_has_drafts() -> None:
    document = document_for(BOARD)
    assert open_drafts(document) == []
    assert draft(BOARD).document == document
