"""What is published now: the family of documents that a run works with, and the one that a batch has pinned."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

from .core.document import BoardDocument, CustomerDocument, parse_board, parse_customer
from .core.family import Family
from .core.problems import did_you_mean
from .core.texts import fold
from .models import DocumentKind, Version, VersionState

CHUNK = 500  # ids a query


class NoMapping(LookupError):
    """No published document answers; the message is one sentence with the remedy."""


@dataclass(frozen=True, slots=True)
class PublishedFamily:
    """What holds now, with the ids of the versions that a batch pins, by canonical customer name."""

    family: Family
    board_version_id: int
    customer_version_ids: Mapping[str, int]


def published_customers() -> list[CustomerDocument]:
    """The customer documents that hold now."""
    return [found for _, found in _customer_versions()]


def held_customers() -> dict[str, str]:
    """The texts of the customer documents that hold now, by the folded name of the customer."""
    return {fold(document.customer): version.text for version, document in _customer_versions()}


def published_boards() -> list[BoardDocument]:
    """The board documents that hold now."""
    versions = Version.objects.published().filter(document__kind=DocumentKind.BOARD).order_by("pk")
    return [board for version in versions if (board := _board(version.text)) is not None]


def published_texts(board_key: str) -> list[tuple[str, str]]:
    """The texts that hold for a board, each with the name of its version: the board's document, then customers'."""
    boards = Version.objects.published().filter(document__kind=DocumentKind.BOARD, document__board_key=board_key)
    customers = Version.objects.published().filter(document__kind=DocumentKind.CUSTOMER)
    found = [*boards.select_related("document"), *customers.select_related("document").order_by("document__name")]
    return [(str(version), version.text) for version in found]


def load_family(board_name: str | None = None) -> PublishedFamily:
    """The published documents of a board and of all customers. Raises NoMapping with the remedy.

    `board_name` may be left out while there is one board; a board is also found by its id.
    """
    version = _board_version(board_name)
    board = _board(version.text)
    if board is None:
        raise NoMapping(f"{version} cannot be read by this release. Remedy: publish a corrected text.")
    customers = _customer_versions()
    ids = {document.customer: version.pk for version, document in customers}
    return PublishedFamily(Family(board, [document for _, document in customers]), version.pk, ids)


def load_pinned(board_version_id: int, customer_version_ids: Mapping[str, int]) -> PublishedFamily:
    """The family as it stood when these versions held. Raises NoMapping where a version is gone or cannot be read."""
    ids = sorted({board_version_id, *customer_version_ids.values()})
    versions = {
        version.pk: version
        for at in range(0, len(ids), CHUNK)
        for version in Version.objects.filter(pk__in=ids[at : at + CHUNK])
    }
    try:
        board = _board(versions[board_version_id].text)
        pinned = [versions[pk] for pk in customer_version_ids.values()]
    except KeyError:
        raise NoMapping("A pinned mapping version does not exist any more. Remedy: stage the batch again.") from None
    parsed = [_customer(version.text) for version in pinned]
    customers = [document for document in parsed if document is not None]
    if board is None or len(customers) < len(parsed):
        raise NoMapping("A pinned mapping version cannot be read by this release. Remedy: stage the batch again.")
    return PublishedFamily(Family(board, customers), board_version_id, dict(customer_version_ids))


def former_business_keys(board_key: str) -> list[tuple[str, ...]]:
    """The columns of every business key that a version held once and holds no more, the newest first.

    Rows without UUID are known by their business key, so a changed definition must not make strangers of them.
    """
    retired = Version.objects.filter(state=VersionState.RETIRED, published_at__isnull=False).order_by("-pk")
    boards = retired.filter(document__kind=DocumentKind.BOARD, document__board_key=board_key)
    customers = retired.filter(document__kind=DocumentKind.CUSTOMER, text__contains="business_key")
    found: dict[tuple[str, ...], None] = {}
    for text in boards.values_list("text", flat=True).iterator(chunk_size=CHUNK):
        board = _board(text)
        if board is not None:
            found[board.source.business_key] = None
    for text in customers.values_list("text", flat=True).iterator(chunk_size=CHUNK):
        customer = _customer(text)
        if customer is not None and customer.business_key is not None:
            found[customer.business_key] = None
    return list(found)


# Texts are immutable, so a version is parsed once per process.
@lru_cache(maxsize=64)
def _board(text: str) -> BoardDocument | None:
    return parse_board(text)[0]


@lru_cache(maxsize=2048)
def _customer(text: str) -> CustomerDocument | None:
    return parse_customer(text)[0]


def _board_version(board_name: str | None) -> Version:
    versions = list(
        Version.objects.published()
        .filter(document__kind=DocumentKind.BOARD)
        .select_related("document")
        .order_by("document__name")
    )
    names = [version.document.name for version in versions]
    if not versions:
        raise NoMapping(
            "No board's mapping is published. Remedy: `publish_mapping FILE` publishes your own; where nothing is "
            "published yet, `sync_orders --mode TEST` begins with the shipped documents."
        )
    if board_name is None:
        if len(versions) == 1:
            return versions[0]
        raise NoMapping(f"There are {len(versions)} boards. Remedy: name one with --board: {', '.join(names)}.")
    if not board_name.strip():
        raise NoMapping(f"The name of the board is empty. Remedy: leave --board out, or name one: {', '.join(names)}.")
    for version in versions:
        if board_name in (version.document.board_key, version.document.name) or fold(board_name) == fold(
            version.document.name
        ):
            return version
    remedy = did_you_mean(board_name, names, f"The boards are {', '.join(names)}.")
    raise NoMapping(f"No mapping is published for a board called {board_name}. Remedy: {remedy}")


def _customer_versions() -> list[tuple[Version, CustomerDocument]]:
    """Published customer versions with their documents, by name; one that cannot be read any more is left out, so that
    its rows are held for a person."""
    versions = (
        Version.objects.published()
        .filter(document__kind=DocumentKind.CUSTOMER)
        .select_related("document")
        .order_by("document__name")
    )
    parsed = [(version, _customer(version.text)) for version in versions]
    return [(version, document) for version, document in parsed if document is not None]
