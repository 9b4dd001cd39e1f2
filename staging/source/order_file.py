"""Reads an order list from a CSV or XLSX file as texts, in chunks: whatever the file holds, memory stays flat.

Nothing is guessed: an order number `012`, the word `NULL` or `1e3` arrive as they stand in the file.
"""

from __future__ import annotations

import csv
import io
import re
import struct
import warnings
import zipfile
import zlib
from collections.abc import Iterable, Iterator
from datetime import datetime, time
from pathlib import Path
from typing import Any, Final

import openpyxl
import pandas as pd
from openpyxl.utils.exceptions import InvalidFileException
from tablib.exceptions import InvalidDimensions

CHUNK: Final = 2_000  # rows
MOST_COLUMNS: Final = 2_000
MOST_UNPACKED: Final = 4 * 1024**3  # bytes of an XLSX file's parts; more is no order list
MOST_HELD: Final = 256 * 1024**2  # bytes of the parts that are held in memory: shared texts, styles
DELIMITERS: Final = ",;\t|"
TOLD: Final = re.compile(r"sep=(.)\r?\n", re.IGNORECASE)  # a first line by which a file tells Excel its separator
# What openpyxl and the unpacking raise for damaged parts, whichever it is; RuntimeError for one with a password.
DAMAGED: Final = (
    *(zipfile.BadZipFile, zlib.error, struct.error, InvalidFileException, InvalidDimensions, SyntaxError),
    *(KeyError, ValueError, TypeError, IndexError, AttributeError, EOFError, OSError, RuntimeError, OverflowError),
)


class FileRefused(Exception):
    """The file is not a table of orders; the message is one sentence with the remedy."""


def chunks(path: Path, known: Iterable[str]) -> Iterator[pd.DataFrame]:
    """The file's rows as frames of texts under its own headings; the index is a row's number as a spreadsheet shows it.

    `known` are column names that help to tell which character separates the cells of a CSV file.
    Raises FileRefused: missing, a directory, empty, protected, neither CSV nor XLSX, an encoding that cannot be read.
    """
    start = _start(path)
    if start.startswith(b"PK\x03\x04"):
        frames = _xlsx(path)
    elif start.startswith(b"\xd0\xcf\x11\xe0"):
        raise FileRefused(f"{path} is password-protected or an old .xls. Remedy: save it as .xlsx without a password.")
    else:
        frames = _csv(path, start, known)
    named = 0
    for frame in frames:
        named += 1
        yield frame
    if not named:
        raise FileRefused(f"{path} holds no orders below its headings. Remedy: one heading row, then the orders.")


def _start(path: Path) -> bytes:
    try:
        if path.is_dir():
            raise FileRefused(f"{path} is a directory. Remedy: name a CSV or XLSX file.")
        with path.open("rb") as file:
            start = file.read(65_536)
    except FileNotFoundError:
        raise FileRefused(f"There is no file {path}. Remedy: check the path.") from None
    except (OSError, ValueError) as problem:
        raise FileRefused(f"{path} cannot be read ({type(problem).__name__}). Remedy: check its rights.") from None
    if not start.strip():
        raise FileRefused(f"{path} is empty. Remedy: one heading row, then the orders.")
    return start


def _csv(path: Path, start: bytes, known: Iterable[str]) -> Iterator[pd.DataFrame]:
    encoding = _encoding(path, start)
    headings, delimiter, above = _headings(path, encoding, known)
    try:
        with pd.read_csv(
            path,
            sep=delimiter,
            encoding=encoding,
            header=None,
            dtype=str,
            keep_default_na=False,
            na_filter=False,
            skip_blank_lines=False,
            skiprows=above,
            chunksize=CHUNK,
        ) as reader:
            for frame in reader:
                frame.index += 1 + above
                if frame.index[0] == 1 + above:
                    frame = frame.iloc[1:]
                yield from _cleaned(frame.fillna(""), headings)
    except (pd.errors.ParserError, pd.errors.EmptyDataError) as problem:
        reason = " ".join(str(problem).replace("Error tokenizing data. C error:", "").split())
        remedy = "every row needs as many cells as the heading row, and quotes around cells that hold the separator"
        raise FileRefused(f"{path} is not a readable table: {reason}. Remedy: {remedy}.") from None


def _encoding(path: Path, start: bytes) -> str:
    """UTF-8 (with or without its mark), UTF-16 with its mark, else Windows-1252, tried over the whole file."""
    tried: tuple[str, ...] = ("utf-8-sig", "cp1252")
    if start.startswith((b"\xff\xfe", b"\xfe\xff")):
        tried = ("utf-16",)
    elif b"\x00" in start:
        raise FileRefused(f"{path} is no text and no XLSX. Remedy: save it as CSV in UTF-8, or as XLSX.")
    for encoding in tried:
        try:
            with path.open(encoding=encoding, newline="") as file:
                while block := file.read(1 << 20):
                    if "\x00" in block:
                        raise FileRefused(f"{path} holds binary data. Remedy: save it as CSV in UTF-8, or as XLSX.")
        except UnicodeError:
            continue
        return encoding
    raise FileRefused(f"{path} is written in an encoding that cannot be told. Remedy: save it as CSV in UTF-8.")


def _headings(path: Path, encoding: str, known: Iterable[str]) -> tuple[list[str], str, int]:
    """The heading row, the separator (by which most of its cells are known names), and how many lines stand above."""
    names = {folded(name) for name in known}
    with path.open(encoding=encoding, newline="") as file:
        beginning = file.read(1 << 18)
    told = TOLD.match(beginning)
    beginning = beginning[told.end() :] if told else beginning
    best: tuple[tuple[int, int], list[str], str] | None = None
    for delimiter in told[1] if told else DELIMITERS:
        try:
            row = next(csv.reader(io.StringIO(beginning, newline=""), delimiter=delimiter))
        except (csv.Error, StopIteration):
            continue
        score = (sum(folded(cell) in names for cell in row), len(row))
        if best is None or score > best[0]:
            best = (score, row, delimiter)
    if best is None:
        raise FileRefused(f"{path} has no heading row. Remedy: the first row names the columns.")
    return best[1], best[2], 1 if told else 0


def _xlsx(path: Path) -> Iterator[pd.DataFrame]:
    try:
        with zipfile.ZipFile(path) as parts:
            sizes = {part.filename: part.file_size for part in parts.infolist()}
        held = sum(size for name, size in sizes.items() if "worksheets/" not in name)
        if sum(sizes.values()) > MOST_UNPACKED or held > MOST_HELD:
            raise FileRefused(f"{path} unpacks to more than an order list can be. Remedy: save it as CSV.")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # remarks on styles and extensions, which are not read
            with path.open("rb") as file:  # whatever the file's name ends with
                book = openpyxl.load_workbook(file, read_only=True, data_only=True)
                try:
                    yield from _sheet(path, book)
                finally:
                    book.close()
    except DAMAGED as problem:
        remedy = "open it in a spreadsheet program and save it again as XLSX or CSV"
        raise FileRefused(f"{path} is a damaged XLSX file ({type(problem).__name__}). Remedy: {remedy}.") from None


def _sheet(path: Path, book: Any) -> Iterator[pd.DataFrame]:
    """The first sheet; what a program wrote about its size is not believed."""
    sheet = book.worksheets[0] if book.worksheets else None
    if sheet is None:
        raise FileRefused(f"{path} has no sheet with cells. Remedy: put the orders on its first sheet.")
    sheet.reset_dimensions()
    headings: list[str] | None = None
    rows: list[list[str]] = []
    numbers: list[int] = []
    for number, cells in enumerate(sheet.iter_rows(values_only=True), start=1):
        texts = [_text(cell) for cell in cells]
        if headings is None:
            headings = _without_tail(texts) or None
            continue
        texts = _without_tail(texts)
        if not texts:
            continue  # programs leave a million empty rows behind
        if len(texts) > len(headings):
            raise FileRefused(f"{path}, row {number}: more cells than headings. Remedy: name every column in row 1.")
        rows.append(texts + [""] * (len(headings) - len(texts)))
        numbers.append(number)
        if len(rows) == CHUNK:
            yield from _cleaned(pd.DataFrame(rows, index=numbers, dtype=str), headings)
            rows, numbers = [], []
    if headings is not None and rows:
        yield from _cleaned(pd.DataFrame(rows, index=numbers, dtype=str), headings)


def _cleaned(frame: pd.DataFrame, headings: list[str]) -> Iterator[pd.DataFrame]:
    """The frame under its headings without rows of blanks; nothing where no row is left."""
    if len(headings) > MOST_COLUMNS:
        raise FileRefused(f"The file has {len(headings):,} columns. Remedy: at most {MOST_COLUMNS:,}.")
    frame.columns = pd.Index(headings[: frame.shape[1]])
    filled = frame[(frame.apply(lambda column: column.str.strip()) != "").any(axis=1)]
    if len(filled):
        yield filled


def _without_tail(texts: list[str]) -> list[str]:
    while texts and not texts[-1].strip():
        texts.pop()
    return texts


def _text(cell: Any) -> str:
    """A cell as a person reads it: whole numbers without a point, midnight as a bare date."""
    if cell is None:
        return ""
    if isinstance(cell, bool):
        return "TRUE" if cell else "FALSE"
    if isinstance(cell, float) and cell.is_integer() and abs(cell) < 1e15:
        return str(int(cell))
    if isinstance(cell, datetime):
        return cell.date().isoformat() if cell.time() == time() else cell.isoformat(sep=" ")
    return str(cell)


def folded(name: str) -> str:
    """A heading for comparison: without blanks around it, runs of blanks as one, in one case."""
    return " ".join(name.split()).casefold()
