"""The text of a source cell, the same for every spelling that shows the same: rendering starts from it."""

from __future__ import annotations

import re
import unicodedata
from datetime import date, datetime
from decimal import Decimal
from typing import Any

# Controls, the halves of broken surrogate pairs, and two invisible characters that spreadsheets leave behind.
_DROPPED = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f\u200b\ufeff\ud800-\udfff]")
_BREAKS = re.compile("[\t\n\r\x85\u2028\u2029]+")
_LINE_ENDS = re.compile("\r\n?|[\x85\u2028\u2029]")
# Drivers give floats their shortest spelling; only that of very large or small ones has an exponent.
_MIDNIGHT = "T00:00:00"


def raw_text(value: Any) -> str:
    """A cell's value as text: numbers without exponent and trailing zeros, dates as ISO, midnight as the day alone."""
    if isinstance(value, str):
        return value
    if value is None:
        return ""
    if isinstance(value, bool):
        return "TRUE" if value else "FALSE"
    if isinstance(value, float | Decimal):
        return _number(value)
    if isinstance(value, datetime):
        text = value.isoformat()
        return text.removesuffix(_MIDNIGHT) if value.tzinfo is None else text
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, bytes | bytearray | memoryview):
        return _bytes(bytes(value))
    return str(value)


def one_line(text: str) -> str:
    """Trimmed, NFC, without control characters; tabs and line breaks become one blank."""
    text = text.strip()
    if text.isascii() and text.isprintable():
        return text
    return unicodedata.normalize("NFC", _DROPPED.sub("", _BREAKS.sub(" ", text))).strip()


def many_lines(text: str) -> str:
    """Like `one_line`, with tabs and line breaks kept; every line break is a line feed."""
    return unicodedata.normalize("NFC", _DROPPED.sub("", _LINE_ENDS.sub("\n", text))).strip()


def fold(value: Any) -> str:
    """The form in which names are compared: one line, without regard to case."""
    # Folding may undo NFC, so the order is: clean, fold, compose.
    return unicodedata.normalize("NFC", one_line(raw_text(value)).casefold())


def key_text(value: Any) -> str:
    """A value of a business key: trimmed text, missing as ""."""
    return raw_text(value).strip()


def _number(value: float | Decimal) -> str:
    number = value if isinstance(value, Decimal) else Decimal(repr(value))
    if not number.is_finite() or (number and abs(number.adjusted()) > 60):
        return str(value)
    plain = format(number, "f")
    if "." in plain:
        plain = plain.rstrip("0").rstrip(".")
    return "0" if plain in ("-0", "") else plain


def _bytes(value: bytes) -> str:
    try:
        return value.decode("utf-8")
    except UnicodeDecodeError:
        return value.hex().upper()
