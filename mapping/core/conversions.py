"""Named conversions from a source cell's text to a canonical board value: one table, one small function each.

A conversion gives the value, None for an empty cell, or raises `Unreadable` with the reason. It never blanks a filled
cell and never guesses: what can be read in two ways, such as `28,86`, is not read.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime

from monday.core.columns import Value

from .texts import many_lines, one_line

_CURRENCY = r"(?:[A-Z]{1,3} ?\$|[$£€¥]|USD|AUD|NZD|CAD|GBP|EUR|JPY|CNY)"
_NUMBER = re.compile(
    rf"(?P<sign>[+-]?) ?{_CURRENCY}? ?(?P<late>[+-]?)"
    rf"(?P<whole>[0-9]{{1,3}}(?:,[0-9]{{3}})+|[0-9]*)(?:\.(?P<part>[0-9]*))?(?: ?{_CURRENCY})?"
)
_DECIMAL_COMMA = re.compile(r"[0-9]+,[0-9]{1,2}")
_TIME = r"([0-9]{2}:[0-9]{2}(?::[0-9]{2})?)(?:\.[0-9]{1,9})?"
_DATE = re.compile(rf"([0-9]{{4}})-([0-9]{{2}})-([0-9]{{2}})(?:[T ]{_TIME} ?(Z|[+-][0-9]{{2}}:?[0-9]{{2}})?)?")
_COMPACT_DATE = re.compile(r"([0-9]{4})([0-9]{2})([0-9]{2})")
_EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")
_LINK = re.compile(r"https?://\S+", re.IGNORECASE)
MAX_NUMBER = 40  # characters; more is no price and no quantity
YES, NO = frozenset({"yes", "y", "true", "1", "x"}), frozenset({"no", "n", "false", "0"})


class Unreadable(ValueError):
    """A filled cell that cannot become a value of its column; the message is the reason, in words that follow "it"."""


Conversion = Callable[[str], Value]


def text(cell: str) -> Value:
    """One line of text."""
    return one_line(cell) or None


def long_text(cell: str) -> Value:
    """Text with its line breaks."""
    return many_lines(cell) or None


def decimal(cell: str) -> Value:
    """A plain decimal: `$1,204.50` becomes "1204.5". A decimal comma, an exponent or a percent sign is unreadable."""
    cell = one_line(cell)
    if not cell:
        return None
    found = _NUMBER.fullmatch(cell) if len(cell) <= MAX_NUMBER else None
    if found is None or not (found["whole"] or found["part"]) or (found["sign"] and found["late"]):
        raise Unreadable(_why_no_number(cell))
    plain = _plain(found["whole"].replace(",", ""), found["part"] or "")
    return f"-{plain}" if "-" in (found["sign"], found["late"]) and plain != "0" else plain


def _why_no_number(cell: str) -> str:
    if _DECIMAL_COMMA.fullmatch(cell):
        return "is not clear: the comma may divide thousands or decimals"
    if cell.endswith("%"):
        return "has a percent sign; the mapping reads it with `as: percent` or `as: fraction`"
    return "is not a number"


def integer(cell: str) -> Value:
    """A whole number; `12.0` is 12, `12.5` is unreadable."""
    value = decimal(cell)
    if isinstance(value, str) and "." in value:
        raise Unreadable("is not a whole number")
    return value


def percent(cell: str) -> Value:
    """Points of a hundred, as the board shows them: `16.5%` and `16.5` both become "16.5".

    A bare number below 1, such as `0.165`, may be a share of one (16.5%) or a small percentage; it is not read.
    """
    points = _before_sign(cell)
    if points is not None:
        return points
    value = decimal(cell)
    if isinstance(value, str) and value != "0" and value.removeprefix("-").startswith("0."):
        raise Unreadable(f"is not clear: it may be {_points(value)}% or {value}%; `as: fraction` reads shares of one")
    return value


def fraction(cell: str) -> Value:
    """A share of one, as the board shows it: `16.5%` and `0.165` both become "0.165".

    A bare number above 1, such as `16.5`, may be a percentage or a multiple; it is not read.
    """
    points = _before_sign(cell)
    if points is not None:
        return _share(points)
    value = decimal(cell)
    if isinstance(value, str) and value.removeprefix("-") != "1" and not value.removeprefix("-").startswith("0"):
        raise Unreadable(f"is not clear: it may be {value}% or {value} times; `as: percent` reads percentages")
    return value


def _before_sign(cell: str) -> str | None:
    """The plain number before a percent sign, None where there is no sign. Raises Unreadable."""
    cell = one_line(cell)
    if not cell.endswith("%"):
        return None
    value = decimal(cell[:-1].rstrip())
    if not isinstance(value, str):
        raise Unreadable("has a percent sign and no number")
    return value


def _points(share: str) -> str:
    """A plain share of one as points of a hundred, exactly: "0.165" -> "16.5"."""
    whole, _, part = share.removeprefix("-").partition(".")
    part = part.ljust(2, "0")
    return ("-" if share.startswith("-") else "") + _plain(whole + part[:2], part[2:])


def _share(points: str) -> str:
    """Plain points of a hundred as a share of one, exactly: "16.5" -> "0.165"."""
    whole, _, part = points.removeprefix("-").partition(".")
    whole = whole.rjust(3, "0")
    plain = _plain(whole[:-2], whole[-2:] + part)
    return f"-{plain}" if points.startswith("-") and plain != "0" else plain


def _plain(whole: str, part: str) -> str:
    whole, part = whole.lstrip("0") or "0", part.rstrip("0")
    return f"{whole}.{part}" if part else whole


def day(cell: str) -> Value:
    """A day, `2026-01-31`. A time of day is dropped, after it was brought to UTC where the cell names its zone."""
    cell = one_line(cell)
    if not cell:
        return None
    found = _DATE.fullmatch(cell) or _COMPACT_DATE.fullmatch(cell)
    if found is None:
        raise Unreadable("is not a date such as 2026-01-31")
    try:
        plain = date(int(found[1]), int(found[2]), int(found[3])).isoformat()
        return _day_in_utc(plain, found[4], found[5]) if found.re is _DATE and found[4] else plain
    except (ValueError, OverflowError):
        raise Unreadable("is a day or a time that does not exist") from None


def _day_in_utc(plain: str, time: str, zone: str | None) -> str:
    offset = "+00:00" if zone in (None, "Z") else zone
    return datetime.fromisoformat(f"{plain}T{time}{offset}").astimezone(UTC).date().isoformat()


def yes_no(cell: str) -> Value:
    """A flag: yes, y, true, 1, x and no, n, false, 0 without regard to case."""
    word = one_line(cell).casefold()
    if word in YES or word in NO:
        return word in YES
    if word:
        raise Unreadable("is neither yes nor no")
    return None


def one_label(cell: str) -> Value:
    """A dropdown's single label, commas included."""
    label = one_line(cell)
    return [label] if label else None


def labels(cell: str) -> Value:
    """Several labels divided by commas or semicolons, each once, in the order of the cell."""
    found = [label.strip() for label in re.split("[,;]", one_line(cell))]
    return list(dict.fromkeys(label for label in found if label)) or None


def email(cell: str) -> Value:
    """An e-mail address, with itself as caption."""
    address = one_line(cell)
    if address and not _EMAIL.fullmatch(address):
        raise Unreadable("is not an e-mail address")
    return {"email": address, "text": address} if address else None


def link(cell: str) -> Value:
    """A web address, with itself as caption."""
    address = one_line(cell)
    if address and not _LINK.fullmatch(address):
        raise Unreadable("is not a web address that starts with http:// or https://")
    return {"url": address, "text": address} if address else None


@dataclass(frozen=True, slots=True)
class Fit:
    """What a kind of board column takes: its own conversion, and the ones that `as` may name instead."""

    usual: Conversion
    named: Mapping[str, Conversion]


_TEXTS: Mapping[str, Conversion] = {
    "text": text,
    "long text": long_text,
    "integer": integer,
    "decimal": decimal,
    "percent": percent,
    "fraction": fraction,
    "date": day,
}
_ONE_LABEL: Mapping[str, Conversion] = {
    "text": text,
    "integer": integer,
    "decimal": decimal,
    "percent": percent,
    "fraction": fraction,
    "date": day,
}


def _as_label(conversion: Conversion) -> Conversion:
    def convert(cell: str) -> Value:
        value = conversion(cell)
        return [value] if isinstance(value, str) else value

    return convert


FITS: Mapping[str, Fit] = {
    "text": Fit(text, _TEXTS),
    "long_text": Fit(long_text, _TEXTS),
    "numbers": Fit(decimal, {"decimal": decimal, "integer": integer, "percent": percent, "fraction": fraction}),
    "date": Fit(day, {"date": day}),
    "status": Fit(text, _ONE_LABEL),
    "dropdown": Fit(one_label, {**{name: _as_label(each) for name, each in _ONE_LABEL.items()}, "list": labels}),
    "checkbox": Fit(yes_no, {"yes/no": yes_no}),
    "email": Fit(email, {"text": email}),
    "link": Fit(link, {"text": link}),
}
# What stands in for the kind where neither the board nor the column's id tells it.
KIND_OF_NAME: Mapping[str, str] = {
    "text": "text",
    "long text": "long_text",
    "integer": "numbers",
    "decimal": "numbers",
    "percent": "numbers",
    "fraction": "numbers",
    "date": "date",
    "yes/no": "checkbox",
    "list": "dropdown",
}


def conversion_for(kind: str, name: str | None) -> Conversion | None:
    """The conversion of a cell into a column of this kind; None where the kind does not take it."""
    fit = FITS.get(kind)
    if fit is None:
        return None
    return fit.usual if name is None else fit.named.get(name)
