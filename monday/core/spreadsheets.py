"""Texts that go into a file which a spreadsheet opens, and come back: none may run as a formula."""

from __future__ import annotations

import re

# What a spreadsheet runs as a formula, also behind apostrophes that an export or a person has put before it. Some read
# the full-width signs like their plain ones.
FORMULA = re.compile(r"'*[=+\-@＝＋－＠\t\r\n]")
# A negative number is none: "-12", "-3.5", "-1,200.00".
NEGATIVE = re.compile(r"-[0-9]+(?:,[0-9]{3})*(?:\.[0-9]+)?\Z")
# What no XLSX file may hold; a program that opens such a file calls it damaged.
UNPRINTABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff￾￿]")


def shielded(cell: object) -> object:
    """The cell with an apostrophe before it where a spreadsheet would run it; numbers stay numbers, also as texts."""
    runs = isinstance(cell, str) and FORMULA.match(cell) and not NEGATIVE.match(cell)
    return f"'{cell}" if runs else cell


def typed(cell: str) -> str:
    """A cell of an exported list as it was before its apostrophe, so that a list that comes back is the same."""
    return cell[1:] if cell.startswith("'") and FORMULA.match(cell) else cell


def for_xlsx(cell: object) -> object:
    """The same as `shielded`, without the characters that an XLSX file cannot hold."""
    safe = shielded(cell)
    return UNPRINTABLE.sub("?", safe)[:32_767] if isinstance(safe, str) else safe
