"""The rows that a detection reads in full, in pages, and the UUIDs of those that have none."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass

from mapping.core.family import KeyReader
from staging.batches.rows import Beside
from staging.core.identity import derived
from staging.core.ports import Row, Scope
from staging.setup import Setup

from .compare import Comparison
from .judging import RowJudge
from .relink import readers_of

PAGE = 500
SHOWN = 1_000  # doubled UUIDs, and repeated keys, whose rows are shown


@dataclass(frozen=True, slots=True)
class SourceRow:
    record: str
    fingerprint: str
    row: Row


class Rows(RowJudge):
    """Reads full rows for judging, and derives the UUID of those that have none."""

    def __init__(self, setup: Setup, scope: Scope) -> None:
        super().__init__(setup.mappings.family, [column.name for column in setup.source.columns], setup.structure)
        self._setup, self._scope = setup, scope
        self.missing = 0
        """Rows that were there when fingerprints were read, and not when they were to be read in full."""
        self.unnamed = 0
        """Rows without a UUID, when they were read last."""
        self.unclaimed: set[str] = set()
        """Records that appeared, and whose customer's name nobody claims."""
        self.present: set[str] = set()
        """UUIDs that rows without one had or would have by another business key: were their unknown customer any of the
        known ones, or, where their key is not theirs alone, by the key that a document defined before."""
        self.repeated: dict[str, int] = {}
        self.repeated_shown: dict[str, list[Beside]] = {}
        self.repeated_rows = 0
        self._all_keys: Collection[KeyReader] | None = None

    def side_by_side(self, found: Comparison) -> dict[str, list[Beside]]:
        """What each row of a doubled UUID is, by UUID, so that people see them beside each other, and each of a text
        that is none; at most `SHOWN` of either."""
        return {**self._rows_of(found.duplicates, found), **self._rows_of(found.unreadable, found)}

    def _rows_of(self, records: Iterable[str], compared: Comparison) -> dict[str, list[Beside]]:
        texts = {record: [record, record.upper()] for record in sorted(records)[:SHOWN]}
        spelled = {word: record for record, words in texts.items() for word in words}
        spelled |= {raw: record for record, raw in compared.unreadable.items() if record in texts}
        found: dict[str, list[Beside]] = {}
        for raw, _, row in self._setup.source.rows(list(spelled), self._scope) if spelled else ():
            if raw in spelled:
                found.setdefault(spelled[raw], []).append(self._beside(row))
        return {record: sorted(rows, key=str) for record, rows in found.items()}

    def _beside(self, row: Row) -> Beside:
        spelling = str(row[self.customer_at] or "")
        return Beside(" / ".join(self.key_of(row)), spelling, self.customer_of(row) or spelling, self.po_of(row))

    def derived_fingerprints(self) -> Iterator[tuple[str, str]]:
        """(record, fingerprint) of the rows without UUID whose business key is theirs alone."""
        for record, print_, _ in self._without_identity():
            yield record, print_

    def _without_identity(self) -> Iterator[tuple[str, str, Row]]:
        self.repeated, self.repeated_rows, self.repeated_shown = {}, 0, {}
        self.unnamed = 0
        repeated = self._repeated_keys()
        for print_, row in self._setup.source.rows_without_identity(self._scope):
            self.unnamed += 1
            key = self.key_of(row)
            record = derived(key)
            doubled = key in repeated(row)
            if doubled or self.customer_of(row) is None:
                self.present |= {derived(of(row)) for of in self._every_key()}
            if doubled:
                self.repeated[record] = self.repeated.get(record, 0) + 1
                if record in self.repeated_shown or len(self.repeated_shown) < SHOWN:
                    self.repeated_shown.setdefault(record, []).append(self._beside(row))
                self.repeated_rows += 1
            else:
                yield record, print_, row

    def _every_key(self) -> Collection[KeyReader]:
        """The business keys that any document defines or has defined, each once."""
        if self._all_keys is None:
            self._all_keys = readers_of(self._setup, self.columns).values()
        return self._all_keys

    def _repeated_keys(self) -> Callable[[Row], set[tuple[str, ...]]]:
        """Which keys stand on several rows: asked only when needed, then by each definition whose columns are there."""
        family, known = self._setup.mappings.family, dict[tuple[str, ...], set[tuple[str, ...]]]()

        def of(row: Row) -> set[tuple[str, ...]]:
            customer = self.customer_of(row)
            columns = (family.mapping(customer) if customer else family.default).source.business_key
            if columns not in known:
                others = {mapping.source.business_key for mapping in family.mappings()}
                wanted = {columns, *(key for key in others if set(key).issubset(self.columns))}
                known.update(self._setup.source.repeated_keys(wanted, Scope(include=self._scope.include)))
            return known[columns]

        return of

    def pages(self, moved: list[tuple[str, str]]) -> Iterator[list[SourceRow]]:
        """The full rows of these records in the order of their UUIDs, in pages; rows with a derived UUID come last."""
        with_identity = [(record, raw) for record, raw in moved if raw]
        for start in range(0, len(with_identity), PAGE):
            page = {raw: record for record, raw in with_identity[start : start + PAGE]}
            found = {
                page[raw]: SourceRow(page[raw], print_, row)
                for raw, print_, row in self._setup.source.rows(list(page), self._scope)
            }
            self.missing += len(page) - len(found)
            yield [found[record] for record in sorted(found)]
        wanted = {record for record, raw in moved if not raw}
        if wanted:
            yield from self._derived_pages(wanted)

    def _derived_pages(self, wanted: set[str]) -> Iterator[list[SourceRow]]:
        page: list[SourceRow] = []
        for record, print_, row in self._without_identity():
            if record in wanted:
                wanted.discard(record)
                page.append(SourceRow(record, print_, row))
            if len(page) == PAGE:
                yield page
                page = []
        self.missing += len(wanted)
        if page:
            yield page
