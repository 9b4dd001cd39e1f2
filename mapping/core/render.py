"""A row of the source -> the order that the board should show, or every reason why there is none.

A renderer is compiled once per mapping, column list and board structure: cells are bound to positions, each column
has its own table from raw value to finished cell, and the usual row runs through built-in functions alone. A renderer
must not be shared between threads. Cell values may be shared between orders and must not be changed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import compress
from operator import getitem, itemgetter
from typing import Any, TypeVar

from monday.core.columns import KINDS

from .cells import KEEP, LONGEST_REMEMBERED, MAX_QUANTITY, REMEMBERED, Cell, Fault, cell_table, whole_number
from .order import CellProblem, Invalid, Order, Rendered
from .problems import Problem, did_you_mean, shown
from .rules import ColumnRules, Mapping, Sizes, size_columns
from .templates import Reader, Row, compiled, parse
from .texts import key_text, one_line, raw_text

MAX_NAME = KINDS["name"].max_length or 255
MAX_GROUP = 255  # https://developer.monday.com/api-reference/reference/groups

Renderer = Callable[[tuple[Any, ...]], Rendered | Invalid]
KeyReader = Callable[[tuple[Any, ...]], tuple[str, ...]]
T = TypeVar("T")


class ColumnsMissing(Exception):
    """The source lacks columns that the mapping needs; `problems` name each with its remedy."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        super().__init__("; ".join(f"{problem.message} - {problem.remedy}" for problem in problems))
        self.problems = tuple(problems)


@dataclass(frozen=True, slots=True)
class SizesRead:
    """The sizes of a row with their sum; `problems` forbid the order."""

    quantities: dict[str, int]
    total: int
    problems: tuple[CellProblem, ...] = ()


def missing_columns(mapping: Mapping, columns: Sequence[str]) -> tuple[Problem, ...]:
    """Every source column that the mapping needs and the table does not have."""
    problems = list(_unknown(_needed(mapping), columns))
    sizes = mapping.sizes
    if sizes and not problems and not size_columns(sizes, columns):
        message = f"no size column stands between {shown(sizes.between[0])} and {shown(sizes.between[1])}"
        problems.append(Problem(0, 0, "sizes.between", message, "Name the columns just before and after the sizes."))
    if sizes and not problems:
        known_sizes = size_columns(sizes, columns)
        for name in sizes.rename:
            if name not in known_sizes:
                remedy = did_you_mean(name, known_sizes, "Remove it, or correct the name.")
                problems.append(Problem(0, 0, f"sizes.rename.{name}", f"{shown(name)} is no size column", remedy))
    return tuple(problems)


def _unknown(wanted: Iterable[tuple[str, str]], columns: Sequence[str]) -> Iterable[Problem]:
    known = set(columns)
    for path, name in wanted:
        if name not in known:
            remedy = did_you_mean(name, columns, "Correct the name, or add the column to the source.")
            yield Problem(0, 0, path, f"the source has no column {shown(name)}", remedy)


def source_columns_needed(mapping: Mapping) -> set[str]:
    """Every source column that the mapping names; the columns between the ends of the sizes come on top."""
    return {name for _, name in _needed(mapping)}


def _needed(mapping: Mapping) -> Iterable[tuple[str, str]]:
    source = mapping.source
    yield from (("source.identity", source.identity), ("source.customer", source.customer))
    yield ("source.po_number", source.po_number)
    yield from ((f"source.business_key[{place + 1}]", name) for place, name in enumerate(source.business_key))
    yield from ((f"source.include.{name}", name) for name in source.include)
    yield from ((f"columns.{rules.source}", rules.source) for rules in mapping.columns)
    yield from (("board.group", name) for name in parse(mapping.board.group).columns())
    yield from (("board.item", name) for name in parse(mapping.board.item).columns())
    if mapping.sizes:
        yield from (("sizes.between", name) for name in mapping.sizes.between)
        if mapping.sizes.total:
            yield ("sizes.total", mapping.sizes.total)


def key_reader(definition: Sequence[str], columns: Sequence[str]) -> KeyReader:
    """A function from a row to its key by these columns: trimmed texts, missing as "". Raises ColumnsMissing."""
    path = "source.business_key"
    problems = list(_unknown(((f"{path}[{place + 1}]", name) for place, name in enumerate(definition)), columns))
    if problems:
        raise ColumnsMissing(problems)
    positions = [columns.index(name) for name in definition]

    def key(row: tuple[Any, ...]) -> tuple[str, ...]:
        return tuple([key_text(row[position]) for position in positions])

    return key


def shown_key_reader(
    mapping: Mapping, columns: Sequence[str], kinds: Callable[[ColumnRules], str]
) -> Callable[[tuple[Any, ...]], dict[str, Any]]:
    """A function from a row to the cells by which the board shows its business key, by column id.

    Of a part that the board does not show (see `shown_key`) nothing is given, nor of a cell that gives no value.
    """
    rules = {each.source: each for each in mapping.columns}
    parts = [
        (rules[name].to, columns.index(name), cell_table(rules[name], kinds(rules[name])))
        for name in mapping.source.business_key
        if name in rules and name in columns
    ]

    def cells(row: tuple[Any, ...]) -> dict[str, Any]:
        found = {to: table[_lookable(row[position])] for to, position, table in parts}
        return {to: cell for to, cell in found.items() if not isinstance(cell, Fault)}

    return cells


def _lookable(value: Any) -> Any:
    return value if value is None or isinstance(value, str) else raw_text(value)


def shown_key(mapping: Mapping) -> tuple[str, ...]:
    """The board's columns that show the business key, in its order; empty where a part of it is not mapped."""
    to = {rules.source: rules.to for rules in mapping.columns}
    key = mapping.source.business_key
    return tuple(to[name] for name in key) if all(name in to for name in key) else ()


def compile_renderer(mapping: Mapping, columns: Sequence[str], kinds: Callable[[ColumnRules], str]) -> Renderer:
    """The renderer of one customer's rows, whose cells stand in the order of `columns`. Raises ColumnsMissing.

    `kinds` gives the kind of the board's column that a rule goes to.
    """
    problems = missing_columns(mapping, columns)
    if problems:
        raise ColumnsMissing(problems)
    # Cells in the order of their ids, so that equal orders are equal byte by byte.
    rules = sorted(mapping.columns, key=lambda each: each.to)
    ids = tuple(each.to for each in rules)
    tables = [cell_table(each, kinds(each)) for each in rules]
    pick = _picker([columns.index(each.source) for each in rules])
    sizes = _size_reader(mapping.sizes, columns)
    key = key_reader(mapping.source.business_key, columns)
    title = _titles(mapping, columns, sizes)
    customer = mapping.customer

    def render(row: tuple[Any, ...]) -> Rendered | Invalid:
        cells: list[Cell]
        try:
            cells = list(map(getitem, tables, pick(row)))  # one call a cell, and none of it in Python for a known value
        except TypeError:  # a value that cannot be looked up, such as a bytearray; its text can
            cells = [
                table[None if value is None else raw_text(value)]
                for table, value in zip(tables, pick(row), strict=True)
            ]
        read_sizes = sizes(row)
        name, group = title(row)
        left: tuple[str, ...] = ()
        notes: list[CellProblem] = []
        refusals = [*read_sizes.problems]
        if Fault in set(map(type, cells)):
            left, notes, faults = _sorted_faults(ids, cells)
            refusals += faults
            values = {to: cell for to, cell in zip(ids, cells, strict=True) if not isinstance(cell, Fault)}
        else:
            values = dict(zip(ids, cells, strict=True))  # type: ignore[arg-type]  # no Fault is among them
        if not name or not group or len(name) > MAX_NAME or len(group) > MAX_GROUP:
            refusals += _title_problems(name, group)
        if refusals:
            return Invalid(customer, key(row), (*refusals, *notes))
        order = Order(name=name, group=group, cells=values, sizes=read_sizes.quantities, left=left)
        return Rendered(customer, key(row), order, tuple(notes))

    return render


def _picker(positions: list[int]) -> Callable[[tuple[Any, ...]], tuple[Any, ...]]:
    """The cells at these positions; `itemgetter` gives a bare value for a single one."""
    if len(positions) == 1:
        return lambda row: (row[positions[0]],)
    return itemgetter(*positions)


def _sorted_faults(
    ids: Sequence[str], cells: Sequence[Cell]
) -> tuple[tuple[str, ...], list[CellProblem], list[CellProblem]]:
    """Which columns are left alone, what is noted about them, and what forbids the order."""
    left, notes, refusals = [], [], []
    for to, cell in zip(ids, cells, strict=True):
        if not isinstance(cell, Fault):
            continue
        if cell is KEEP:
            left.append(to)
        elif cell.problem is not None and cell.forbids:
            refusals.append(cell.problem)
        elif cell.problem is not None:
            left.append(to)
            notes.append(cell.problem)
    return tuple(left), notes, refusals


def _titles(
    mapping: Mapping, columns: Sequence[str], sizes: Callable[[Row], SizesRead]
) -> Callable[[Row], tuple[str, str]]:
    """A function from a row to the item's name and the group's title."""

    def reader(name: str) -> str | Reader:
        if name == "customer":
            return mapping.customer
        if name == "total":
            return lambda row: str(sizes(row).total)
        return _title_part(columns.index(name))

    item, group = compiled(parse(mapping.board.item), reader), compiled(parse(mapping.board.group), reader)
    return lambda row: (item(row), group(row))


def _title_part(position: int) -> Reader:
    """A function from a row to the cell at this place as part of a title; texts that come by again are remembered."""
    known: dict[str, str] = {}

    def part(row: Row) -> str:
        value = row[position]
        if type(value) is not str:
            return one_line(raw_text(value))
        found = known.get(value)
        if found is None:
            found = one_line(value)
            if len(value) <= LONGEST_REMEMBERED and len(known) < REMEMBERED:
                known[value] = found
        return found

    return part


def _title_problems(name: str, group: str) -> list[CellProblem]:
    problems = []
    for what, text, most in (("item name", name, MAX_NAME), ("group title", group, MAX_GROUP)):
        if not text:
            problems.append(CellProblem(what, "", f"the {what} is empty: no column of its template is filled"))
        elif len(text) > most:
            reason = f"the {what} has {len(text)} characters, and the board takes at most {most}"
            problems.append(CellProblem(what, text[:60], reason, "mapping"))
    return problems


def _size_reader(sizes: Sizes | None, columns: Sequence[str]) -> Callable[[Row], SizesRead]:
    """A function from a row to its sizes; a row whose sizes are whole numbers goes through built-in functions alone."""
    if sizes is None:
        return lambda row: SizesRead({}, 0)
    sources = size_columns(sizes, columns)
    names = tuple(sizes.rename.get(name, name) for name in sources)
    pick = _slice([columns.index(name) for name in sources])
    total_at = columns.index(sizes.total) if sizes.total else None
    total_name = sizes.total or ""
    whole = {int}

    def read(row: Row) -> SizesRead:
        part = pick(row)
        filled = tuple(filter(None, part))
        total = row[total_at] if total_at is not None else None
        if set(map(type, filled)) <= whole and (not filled or min(filled) > 0):
            quantities, found = dict(zip(compress(names, part), filled, strict=True)), sum(filled)
            fits = total_at is None or (type(total) is int and total == found) or (total is None and not found)
            # Two columns of one name in the same row are summed below.
            if fits and found < MAX_QUANTITY and len(quantities) == len(filled):
                return SizesRead(quantities, found)
        quantities, problems = _quantities(sources, names, part)
        found = sum(quantities.values())
        if total_at is not None and not problems:
            problems = _total_problems(total_name, total, found)
        return SizesRead(quantities, found, tuple(problems))

    return read


def _slice(positions: list[int]) -> Callable[[Row], tuple[Any, ...]]:
    """The cells at these positions, by a slice where they stand side by side."""
    first, last = positions[0], positions[-1] + 1
    if last - first == len(positions):
        return lambda row: row[first:last]
    return _picker(positions)


def _quantities(
    sources: Sequence[str], names: Sequence[str], part: Sequence[Any]
) -> tuple[dict[str, int], list[CellProblem]]:
    """Quantity by size, columns of one name summed; and the cells that hold no quantity."""
    quantities: dict[str, int] = {}
    problems = []
    for source, name, value in zip(sources, names, part, strict=True):
        quantity = whole_number(value)
        if quantity is None:
            problems.append(CellProblem(source, raw_text(value)[:60], "is not a whole number of pieces"))
        elif quantity < 0:
            problems.append(CellProblem(source, str(quantity), "is negative"))
        elif quantity:
            quantities[name] = quantities.get(name, 0) + quantity
    return quantities, problems


def _total_problems(column: str, value: Any, found: int) -> list[CellProblem]:
    total = whole_number(value)
    if total == found:
        return []
    cell = raw_text(value)[:60]
    if total is None:
        return [CellProblem(column, cell, "is not a whole number of pieces")]
    said = "is empty" if not cell.strip() else f"is {total}"
    return [CellProblem(column, cell, f"{said}, and the sizes add up to {found}")]
