"""Records that appeared against records that vanished: which of them are one order under a new UUID.

Two are one where they share a business key. Keys are taken as the documents define them now and, for what was last
judged under another definition, as they defined them before: a changed `business_key` gives rows without UUID new
ones, and must not remove their items and create them anew.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Protocol

from django.db.models import QuerySet

from mapping.core.family import ColumnsMissing, KeyReader, key_reader
from mapping.core.order import Invalid, Rendered
from mapping.published import former_business_keys
from monday.models import Board
from staging.batches.rekeying import moving_along
from staging.batches.said import said_since
from staging.core.changeset import Candidate, Rekeyed, match_equal, match_rekeyed, undisputed
from staging.core.fingerprint import fingerprint, key_hash
from staging.core.identity import derived
from staging.core.ports import Row
from staging.models import Snapshot, StagedOrder
from staging.models.snapshot import LinkState
from staging.setup import Setup

PAGE = 500
Definition = tuple[str, ...]
NOTHING = Rekeyed({}, frozenset(), frozenset())
Match = Callable[[Iterable[Candidate], Iterable[Candidate]], Rekeyed]


class AppearedRow(Protocol):
    """A row of the source that appeared: its record, and its cells."""

    @property
    def record(self) -> str: ...
    @property
    def row(self) -> Row: ...


class Appeared(Protocol):
    """How rows that appeared are read and rendered (see `detect.Rows`)."""

    @property
    def columns(self) -> Sequence[str]: ...
    @property
    def unclaimed(self) -> set[str]: ...
    def pages(self, moved: list[tuple[str, str]]) -> Iterator[Sequence[AppearedRow]]: ...
    def customer_of(self, row: Row) -> str | None: ...
    def render(self, row: Row, customer: str) -> Rendered | Invalid: ...


@dataclass(frozen=True, slots=True)
class _Lost:
    """A vanished record, and whether it was last judged under documents that hold no more."""

    candidate: Candidate
    stale: bool


def relink(
    setup: Setup,
    rows: Appeared,
    *,
    appeared: list[tuple[str, str]],
    unused: list[tuple[str, str]],
    vanished: list[str],
    leaving: list[str],
    held: Mapping[str, AbstractSet[str]],
    mapping_keys: frozenset[str],
) -> Rekeyed:
    """Match the (record, identity) that appeared with the records that vanished. Reads the rows that appeared once.

    Rows that appeared earlier and were `unused` until they moved appear to this day, where no item is theirs. Those
    that are `held` as unclear are known by the hashes of the keys that they were held for as well.

    A vanished record is one that an item is linked to, whose row had come back after its removal, or whose staged
    creation must be remembered: declined, undone, or on its way to the board. What matches none of them may be an order
    that comes back: one of those `leaving`.
    """
    if not (appeared or unused):
        return NOTHING
    lost = [one for of in (_linked, _returned, _remembered) for one in of(setup.board, vanished, mapping_keys)]
    aside = list(_aside(setup.board, leaving, mapping_keys))
    if not lost and not aside:
        return NOTHING
    also, also_aside = (list(_also(setup, olds, mapping_keys)) for olds in (lost, aside))
    every, back = [*lost, *also], [*aside, *also_aside]
    news = [*appeared, *_without_link(setup.board, unused)]
    search = _Search(setup, rows, [*every, *back], {record for record, raw in news if not raw}, held)
    found = search.search(news)
    matched = NOTHING
    for olds in (lost, also):
        for candidates in found.values():
            matched = _joined(matched, match_equal, candidates, olds)
    for candidates in found.values():
        matched = _told_last(matched, candidates, every)
    for candidates in found.values():
        matched = _joined(matched, match_rekeyed, candidates, every)
    for candidates in found.values():
        matched = _come_back(matched, candidates, back)
    return matched


def _without_link(board: Board, unused: list[tuple[str, str]]) -> Iterator[tuple[str, str]]:
    for start in range(0, len(unused), PAGE):
        page = dict(unused[start : start + PAGE])
        links = Snapshot.objects.filter(board=board, record__in=list(page)).values_list("record", flat=True)
        yield from ((record, page[record]) for record in page.keys() - set(links))


def _told_last(matched: Rekeyed, candidates: Sequence[Candidate], lost: Sequence[_Lost]) -> Rekeyed:
    """With those that match one against one by the key that the source gave each last, as far as all that share any
    key with them match so too: else nobody can tell."""
    news, olds = _free_news(matched, candidates), _free_olds(matched, lost)
    latest = {each.candidate.record: each for each in lost}
    more = match_rekeyed(news, _free_olds(matched, latest.values()))
    pairs = undisputed(more.pairs, news, olds)
    supposed = more.supposed & pairs.keys()
    return replace(matched, pairs={**matched.pairs, **pairs}, supposed=matched.supposed | supposed)


def _come_back(matched: Rekeyed, candidates: Sequence[Candidate], aside: Sequence[_Lost]) -> Rekeyed:
    """With the orders that come back under a new UUID: of its business keys one that is new, and one that had gone."""
    more = match_rekeyed(_free_news(matched, candidates), _free_olds(matched, aside))
    return replace(matched, pairs={**matched.pairs, **more.pairs}, supposed=matched.supposed | more.pairs.keys())


def _free_news(matched: Rekeyed, candidates: Iterable[Candidate]) -> list[Candidate]:
    return [each for each in candidates if each.record not in matched.pairs and each.record not in matched.ambiguous]


def _free_olds(matched: Rekeyed, lost: Iterable[_Lost]) -> list[Candidate]:
    taken = {*matched.pairs.values(), *matched.kept}
    return [each.candidate for each in lost if each.candidate.record not in taken]


def _joined(matched: Rekeyed, match: Match, candidates: Sequence[Candidate], lost: Sequence[_Lost]) -> Rekeyed:
    """With what matches in one more round, among what is free on both sides. What would match a record that is kept
    already, as several may be it, is one more of these."""
    news = _free_news(matched, candidates)
    more = match(news, _free_olds(matched, lost))
    kept = {each.candidate.key for each in lost if each.candidate.record in matched.kept}
    suspects = {each.record for each in news if each.key in kept} - more.pairs.keys()
    return Rekeyed(
        {**matched.pairs, **more.pairs},
        matched.ambiguous | more.ambiguous | suspects,
        matched.kept | more.kept,
        matched.supposed | more.supposed,
    )


def _linked(board: Board, vanished: Sequence[str], keys: frozenset[str]) -> Iterator[_Lost]:
    """Links that stand, also of orders that nobody follows: under a fresh UUID they are the same orders."""
    return _lost(_standing(board), vanished, keys)


def _standing(board: Board) -> QuerySet[Snapshot]:
    return Snapshot.objects.filter(board=board).exclude(state=LinkState.REMOVED)


def _returned(board: Board, vanished: Sequence[str], keys: frozenset[str]) -> Iterator[_Lost]:
    """Links of orders that were removed and whose row was there again: as it was staged last, if it could be."""
    removed = Snapshot.objects.filter(board=board, state=LinkState.REMOVED)
    staged = StagedOrder.objects.filter(board=board, current=True, operation="restore")
    restorations = list(_lost(staged.filter(record__in=removed.values("record")), vanished, keys))
    yield from restorations
    named = {each.candidate.record for each in restorations}
    yield from _lost(removed, [record for record in vanished if record not in named], keys)


def _aside(board: Board, leaving: Sequence[str], keys: frozenset[str]) -> Iterator[_Lost]:
    """Links of orders that had gone from the source, whether their item stands aside by now or not yet."""
    return _lost(Snapshot.objects.filter(board=board).exclude(state=LinkState.GONE), leaving, keys)


def _remembered(board: Board, vanished: Sequence[str], keys: frozenset[str]) -> Iterator[_Lost]:
    """Staged creations that a run may not replace, of records without a linked item."""
    return _lost(decided(board, "create").exclude(record__in=_standing(board).values("record")), vanished, keys)


def _also(setup: Setup, lost: Sequence[_Lost], keys: frozenset[str]) -> Iterator[_Lost]:
    """The same records by the business keys that the source gave them since."""
    named = {(each.candidate.record, each.candidate.key, each.candidate.fingerprint) for each in lost}
    for said in said_since(setup.board, sorted({record for record, _, _ in named})):
        if (said.record, said.hashed, said.fingerprint) not in named:
            yield _Lost(Candidate(said.record, said.hashed, said.fingerprint), said.mapping_key not in keys)


def decided(board: Board, *operations: str) -> QuerySet[StagedOrder]:
    """The last words on records that stand under another UUID too: declined, undone, refused, held, or on their way to
    the board."""
    staged = StagedOrder.objects.filter(board=board, current=True, operation__in=operations)
    return staged.filter(moving_along())


def _lost(
    query: QuerySet[Snapshot] | QuerySet[StagedOrder], vanished: Sequence[str], keys: frozenset[str]
) -> Iterator[_Lost]:
    fields = ("record", "key_hash", "order_fingerprint", "mapping_key")
    for start in range(0, len(vanished), PAGE):
        for record, key, print_, mapping_key in query.filter(record__in=vanished[start : start + PAGE]).values_list(
            *fields
        ):
            yield _Lost(Candidate(record, key, print_), mapping_key not in keys)


class _Search:
    """Reads what appeared, and gives the candidates by the definition of the key that found them; None is today's."""

    def __init__(
        self,
        setup: Setup,
        rows: Appeared,
        lost: Sequence[_Lost],
        derived_ones: set[str],
        held: Mapping[str, AbstractSet[str]],
    ) -> None:
        self._family, self._rows, self._derived, self._held = setup.mappings.family, rows, derived_ones, held
        self._keys = {each.candidate.key for each in lost}
        self._stale = {each.candidate.key for each in lost if each.stale}
        self._records = {each.candidate.record for each in lost}
        self._readers = readers_of(setup, rows.columns) if self._stale or derived_ones else {}
        self._own: dict[str, KeyReader] = {}

    def search(self, appeared: list[tuple[str, str]]) -> dict[Definition | None, list[Candidate]]:
        found: dict[Definition | None, list[Candidate]] = {None: []}
        for page in self._rows.pages(appeared):
            for source in page:
                customer = self._rows.customer_of(source.row)
                if customer is None:
                    self._rows.unclaimed.add(source.record)
                else:
                    self._candidates(source, customer, found)
        return found

    def _candidates(self, source: AppearedRow, customer: str, found: dict[Definition | None, list[Candidate]]) -> None:
        if customer not in self._own:
            self._own[customer] = self._family.business_key(customer, self._rows.columns)
        own = self._own[customer](source.row)
        today = {key_hash(own), *self._held.get(source.record, ())} & self._keys
        hits: list[tuple[Definition | None, str]] = [(None, hashed) for hashed in sorted(today)]
        without = source.record in self._derived
        for definition, read in self._readers.items():
            key = read(source.row)
            if key != own and (key_hash(key) in self._stale or (without and derived(key) in self._records)):
                hits.append((definition, key_hash(key)))
        if hits:
            rendered = self._rows.render(source.row, customer)
            print_ = fingerprint(rendered.order) if isinstance(rendered, Rendered) else ""
            for where, key_ in hits:
                found.setdefault(where, []).append(Candidate(source.record, key_, print_))


def readers_of(setup: Setup, columns: Sequence[str]) -> dict[Definition, KeyReader]:
    """A function from a row to its key by every definition that holds or has held, today's first.

    Without former ones that name columns which the source has no more. Reads the database.
    """
    family = setup.mappings.family
    readers: dict[Definition, KeyReader] = {}
    for definition in (*family.key_definitions, *former_business_keys(family.board.board.id)):
        with suppress(ColumnsMissing):
            readers.setdefault(definition, key_reader(definition, columns))
    return readers
