"""What a change of documents touches: the published family, and how it would stand with one text in its place.

Which orders would be staged is found by `staging.previews.impact`, which lets the detection itself run over both.
"""

from __future__ import annotations

import hashlib

from .core.document import BoardDocument, CustomerDocument, parse_board, parse_customer
from .core.family import Family
from .models import Document, DocumentKind, Version
from .published import NoMapping, PublishedFamily, load_family, published_customers


def with_text(document: Document, text: str, board_name: str | None = None) -> Family:
    """The documents as they would stand with this text published. Raises NoMapping where it is no sound document.

    `board_name` names the board where there are several; a board's text stands for its own board.
    """
    parsed = _parsed(document, text)
    if parsed is None:
        raise NoMapping("The text has errors. Remedy: correct them, and look again.")
    customers = {each.customer: each for each in published_customers()}
    if isinstance(parsed, BoardDocument):
        return Family(parsed, list(customers.values()))
    board = load_family(board_name).family.board
    return Family(board, list({**customers, parsed.customer: parsed}.values()))


def imagined(family: Family) -> PublishedFamily:
    """A family that is not published, in the place of one that is; no batch can pin it."""
    return PublishedFamily(family, 0, {})


def affected(before: Family, after: Family) -> list[str]:
    """Customers whose rows may render differently, or that come or go, by canonical name."""
    keys = [{name: family.key(name) for name in family.customers} for family in (before, after)]
    return sorted({name for name, _ in keys[0].items() ^ keys[1].items()})


def what_holds() -> str:
    """16 hex digits of the published versions: another one means that something was published since."""
    ids = Version.objects.published().order_by("pk").values_list("pk", flat=True)
    return hashlib.sha256(",".join(str(pk) for pk in ids).encode()).hexdigest()[:16]


def _parsed(document: Document, text: str) -> BoardDocument | CustomerDocument | None:
    return parse_board(text)[0] if document.kind == DocumentKind.BOARD else parse_customer(text)[0]
