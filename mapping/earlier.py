"""Bringing the earlier system's files in: their drafts are saved, and published where nothing stands against it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from .core.document import parse_board
from .core.problems import Problem
from .drafts import Saved, publish_drafts, save_draft_text
from .imports.drafting import Draft
from .imports.findings import Finding
from .models import DocumentKind, Version, VersionState
from .orders_table import table_columns
from .publish import NotPublishable, Recorder, shipped_files
from .published import load_family


@dataclass(frozen=True, slots=True)
class Outcome:
    """A draft with what became of it: `version` is None where nothing was kept."""

    file: str
    draft: Draft
    version: Version | None = None
    state: str = "not saved"


def keep(outcomes: Sequence[Outcome], *, actor: str, now: datetime, record: Recorder | None) -> list[Outcome]:
    """Save every draft, each in a transaction of its own; with a recorder publish those that nothing stands against.

    A draft stays a draft where it has an open problem, where its customer's status is review, and where publishing it
    is refused; the refusal's reasons join its findings. Safe to repeat: a text that is there already is not kept twice.
    """
    kept = [_kept(outcome, actor, now) for outcome in outcomes]
    return kept if record is None else _published(kept, actor, now, record)


def _kept(outcome: Outcome, actor: str, now: datetime) -> Outcome:
    """The outcome with its draft saved, or with the reasons why that cannot be."""
    draft = outcome.draft
    if not draft.text:
        return outcome
    try:
        saved = save_draft_text(text=draft.text, actor=actor, note=f"imported from {Path(outcome.file).name}", now=now)
    except NotPublishable as refusal:
        return replace(outcome, draft=draft.with_findings(_found(refusal.problems)))
    return replace(outcome, version=saved.version, state=_said(saved))


def _said(saved: Saved) -> str:
    number = f"version {saved.version.number}"
    if saved.holds:
        return f"holds already as {number}"
    return f"saved as draft, {number}" if saved.new else f"saved before as draft, {number}"


def _published(outcomes: list[Outcome], actor: str, now: datetime, record: Recorder) -> list[Outcome]:
    """The outcomes with every draft published against which nothing stands; boards come first."""
    ready = [
        each.version
        for each in sorted(outcomes, key=lambda each: each.draft.kind)
        if each.version is not None and each.draft.publishable and each.version.state == VersionState.DRAFT
    ]
    published, refused = publish_drafts(versions=ready, actor=actor, now=now, record=record)
    reasons = {each.version.pk: each.problems for each in refused}
    made = []
    for outcome in outcomes:
        key = outcome.version.pk if outcome.version else 0
        if key in published:
            outcome = replace(outcome, version=published[key], state=f"published as version {published[key].number}")
        elif key in reasons:
            outcome = replace(outcome, draft=outcome.draft.with_findings(_found(reasons[key])))
        made.append(outcome)
    return made


def _found(problems: Sequence[Problem]) -> tuple[Finding, ...]:
    """Problems of the draft's own text; their lines are the draft's, so they are told in words."""
    return tuple(
        Finding(
            0,
            each.path,
            f"in line {each.line} of the draft, {each.message}" if each.line else each.message,
            each.remedy,
        )
        for each in problems
    )


def base_text(board: str | None, files: Sequence[bytes] = ()) -> str:
    """The text of the board's document that a draft starts from: the published one, else the shipped one.

    Where there are several, it is the one that `board` names by name or id, or whose id alone stands in the files.
    Raises NoMapping.
    """
    published = Version.objects.published().filter(document__kind=DocumentKind.BOARD)
    keys = list(published.order_by("document__name").values_list("document__board_key", flat=True))
    if board is None and not keys:
        return shipped_files()[0].read_text(encoding="utf-8")
    named = [key for key in keys if any(key.encode() in data for data in files)]
    chosen = named[0] if board is None and len(named) == 1 else board
    return Version.objects.get(pk=load_family(chosen).board_version_id).text


def source_columns(base: str) -> tuple[str, ...] | None:
    """The columns of the order table that the base document names; None where it cannot be read."""
    document, _ = parse_board(base)
    if document is None:
        return None
    return table_columns(document.source.table)
