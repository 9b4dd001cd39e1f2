"""Publishing documents: a text becomes the version that holds, together with the customers and aliases that it names.

Every function that writes opens its own transaction, and the event that `record` writes commits with it. The recorder
is a port, called as `record(actor=, action=, subject=, now=, reason=, data=)`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from pathlib import Path

from django.db import transaction
from django.db.models import Max

from monday.core.structure import BoardStructure
from monday.models import Board, Environment

from .core.document import (
    BoardDocument,
    CustomerDocument,
    Mapping,
    Problem,
    effective,
    is_customer,
    located,
    parse_board,
    parse_customer,
)
from .core.family import alias_problems
from .core.problems import errors
from .core.targets import PREPARE, check
from .core.texts import fold
from .models import Alias, Customer, Document, DocumentKind, Version, VersionState
from .published import NoMapping, PublishedFamily, load_family, load_pinned, published_boards, published_customers

__all__ = [
    "AlreadyThere",
    "NoMapping",
    "NotPublishable",
    "PublishedFamily",
    "document_for",
    "ensure_shipped",
    "load_family",
    "load_pinned",
    "publish",
    "publish_new",
    "publish_text",
    "publishing_problems",
    "revert",
    "shipped_files",
]

Recorder = Callable[..., object]
SHIPPED = Path(__file__).parent / "shipped"
MOVED = "orders stand on the board by the column {old}, and {new} is another"
STAY = (
    "Keep the former one, whose title may be changed on the board. To move, copy its values into the other column "
    "there, remove it, have the board read again, and publish then."
)
ANEW = "What is on the local board stays in the former column. Empty it with monday_sandbox --reset, to begin anew."


class NotPublishable(Exception):
    """The text cannot hold; `problems` say why, with line and remedy. Nothing was written."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        super().__init__("; ".join(problem.sentence() for problem in problems))
        self.problems = tuple(problems)


def document_for(text: str) -> Document:
    """The stored document that this text belongs to, made where it is new. Raises NotPublishable.

    A board's text belongs to its board's id; any other text is read as a customer's, which belongs to its name.
    """
    board, board_problems = parse_board(text)
    if board is not None:
        made, _ = Document.objects.get_or_create(
            kind=DocumentKind.BOARD, board_key=board.board.id, defaults={"name": _free_name(board)}
        )
        return made
    customer, problems = parse_customer(text)
    if customer is None:
        raise NotPublishable(errors(problems if is_customer(text) else board_problems))
    claimed = Alias.objects.filter(folded=fold(customer.customer)).exclude(customer__name=customer.customer).first()
    if claimed is not None:
        message = f"the name {customer.customer} is an alias of {claimed.customer}"
        raise NotPublishable(
            located(text, (Problem(0, 0, "customer", message, "Remove it there first, or take another name."),))
        )
    owner, _ = Customer.objects.get_or_create(name=customer.customer)
    name = f"customer {customer.customer}"
    made, _ = Document.objects.get_or_create(kind=DocumentKind.CUSTOMER, customer=owner, defaults={"name": name})
    return made


def publish(*, document: Document, text: str, actor: str, note: str, now: datetime, record: Recorder) -> Version:
    """Make this text the version that holds; the version before it is retired. Opens a transaction.

    Publishing the text that holds already changes nothing. Raises NotPublishable where the text has an error, belongs
    to another document, or claims an alias of another customer.
    """
    with transaction.atomic():
        # The lock lets one publisher in at a time, so that numbers and aliases cannot cross.
        list(Document.objects.select_for_update().order_by("pk").values_list("pk", flat=True))
        current = document.versions.published().first()
        if current is not None and current.sha256 == digest(text):
            return current
        parsed = _checked(document, text)
        if isinstance(parsed, BoardDocument):
            Document.objects.filter(pk=document.pk).update(name=_free_name(parsed))
        elif document.customer is not None:
            _follow_aliases(document.customer, parsed)
        document.versions.published().update(state=VersionState.RETIRED)
        version = _next_version(document, text, actor, note, now)
        data = {"document": document.pk, "version": version.number, "sha256": version.sha256}
        data |= {"before": current.number if current else None}
        record(actor=actor, action="mapping.published", subject=document.name, now=now, reason=note, data=data)
    return version


def _next_version(document: Document, text: str, actor: str, note: str, now: datetime) -> Version:
    highest = document.versions.aggregate(highest=Max("number"))["highest"] or 0
    return Version.objects.create(
        document=document,
        number=highest + 1,
        text=text,
        sha256=digest(text),
        author=actor,
        note=note,
        state=VersionState.PUBLISHED,
        created_at=now,
        published_at=now,
    )


class AlreadyThere(Exception):
    """A text meant for a new document, where `document` is its customer's or board's already. Nothing was written."""

    def __init__(self, document: Document) -> None:
        super().__init__(f"There is a document for {document.customer or document.name} already.")
        self.document = document


def publish_new(*, text: str, actor: str, note: str, now: datetime, record: Recorder) -> Version:
    """Publish the first version of a document. Opens a transaction; raises AlreadyThere, and NotPublishable."""
    with transaction.atomic():
        document = document_for(text)
        if document.versions.exists():
            raise AlreadyThere(document)
        return publish(document=document, text=text, actor=actor, note=note, now=now, record=record)


def publish_text(*, text: str, actor: str, note: str, now: datetime, record: Recorder) -> Version:
    """Publish a text as the version of the document that it belongs to, made where it is new. Opens a transaction.

    Raises NotPublishable like `publish`; then no document is left behind.
    """
    with transaction.atomic():
        return publish(document=document_for(text), text=text, actor=actor, note=note, now=now, record=record)


def revert(*, version: Version, actor: str, note: str, now: datetime, record: Recorder) -> Version:
    """Publish an old text again as a new version. Opens a transaction; raises NotPublishable like `publish`."""
    reason = note or f"back to version {version.number}"
    return publish(document=version.document, text=version.text, actor=actor, note=reason, now=now, record=record)


def publishing_problems(document: Document, text: str) -> tuple[Problem, ...]:
    """Everything that stands against publishing this text, warnings included; the editor shows the same list."""
    parsed, problems = _parse(document.kind, text)
    if parsed is None:
        return problems
    more = _of_board(document, parsed) if isinstance(parsed, BoardDocument) else _of_customer(document, parsed)
    return (*located(text, more), *problems)


def _of_board(document: Document, parsed: BoardDocument) -> tuple[Problem, ...]:
    """What stands against a board's text beside other documents: the wrong board, a clash with a customer's."""
    problems: list[Problem] = []
    if parsed.board.id != document.board_key:
        message = f"this document is of the board {document.board_key}, not {parsed.board.id}"
        problems.append(Problem(0, 0, "board.id", message, "Publish it as the document of that board."))
    problems += _moved(document, parsed)
    known = known_boards(parsed.board.id)
    own = on_known_boards(effective(parsed, None), known)
    for customer in published_customers():
        mapping = effective(parsed, customer)
        live = (each for each in on_known_boards(mapping, known) if each not in own)
        for clash in (*check(mapping, None, None), *live):
            message = f"together with the document of {customer.customer}, {clash.message}"
            problems.append(Problem(0, 0, clash.path, message, clash.remedy, clash.severity))
    return (*problems, *own)


def _moved(document: Document, parsed: BoardDocument) -> Iterator[Problem]:
    """Columns that tell items and sizes apart, or hold quantities, and that would be others than those written so far.

    What stands on the board stays in the former column: orders would look complete without a quantity, and what is
    looked for by its key would be made a second time. Of a local board that is told, as it can begin anew. A column
    that a board has no more binds nothing.
    """
    held = document.versions.published().first() if document.pk else None
    before = parse_board(held.text)[0] if held else None
    if before is None:
        return
    boards = [board for board in Board.objects.filter(board_id=document.board_key) if Document.holds_orders(board.pk)]
    wanted = _told_by(parsed)
    for path, column in _told_by(before).items() if boards else ():
        new = wanted.get(path, column)
        bound = [board for board in boards if _has(board, path, column)] if new != column else []
        if bound:
            real = any(board.environment == Environment.PRODUCTION for board in bound)
            yield Problem(
                0, 0, path, MOVED.format(old=column, new=new), STAY if real else ANEW, "error" if real else "warning"
            )


def _told_by(board: BoardDocument) -> dict[str, str]:
    """The columns that carry keys, sizes and quantities, by their way from the top."""
    found = {"board.uuid_column": board.board.uuid_column}
    if board.sizes is not None:
        columns = board.sizes.columns
        found |= {"sizes.columns.size": columns.size, "sizes.columns.quantity": columns.quantity}
        found["sizes.key_column"] = board.sizes.key_column
    return found


def _has(board: Board, path: str, column: str) -> bool:
    """Whether the board has this column, as it was read last; one that was never read is taken to have it."""
    structure = board.known_structure()
    if structure is None:
        return True
    on = structure if path.startswith("board.") else structure.subitems
    return on is not None and column in on.columns and not on.columns[column].archived


def _of_customer(document: Document, parsed: CustomerDocument) -> tuple[Problem, ...]:
    """What stands against a customer's text: another name, a foreign alias, a clash with a board's document."""
    name = document.customer.name if document.customer else ""
    problems: list[Problem] = []
    if parsed.customer != name:
        message = f"this document is of the customer {name}, not {parsed.customer}"
        problems.append(Problem(0, 0, "customer", message, "Keep the name, or make a new customer."))
    others = [other for other in published_customers() if other.customer != parsed.customer]
    problems += alias_problems([*others, parsed]).get(parsed.customer, ())
    for board in published_boards():
        mapping, known = effective(board, parsed), known_boards(board.board.id)
        own = on_known_boards(effective(board, None), known)
        live = (each for each in on_known_boards(mapping, known) if each not in own)
        problems += (*check(mapping, None, None), *live)
    return tuple(dict.fromkeys(problems))


def known_boards(board_id: str) -> list[tuple[BoardStructure, datetime]]:
    """The real boards of this id as they were read last, with the time of it; none where none was ever read.

    A local board is made after the mapping, so it is not among them.
    """
    boards = Board.objects.filter(board_id=board_id, environment=Environment.PRODUCTION).order_by("pk")
    return [(found, each.read_at) for each in boards if (found := each.known_structure()) and each.read_at]


def on_known_boards(mapping: Mapping, boards: Sequence[tuple[BoardStructure, datetime]]) -> tuple[Problem, ...]:
    """What these boards would not take of a mapping. What `prepare_board` creates is a warning here: it needs a
    published mapping to know what to create.
    """
    found: list[Problem] = []
    offline = check(mapping, None, None) if boards else ()
    for structure, read_at in boards:
        for each in check(mapping, structure, None):
            if each in offline:
                continue
            severity = "warning" if each.remedy == PREPARE else each.severity
            message = f"{each.message} (read {read_at:%Y-%m-%d %H:%M} UTC)"
            again = "" if severity == "warning" else " If the board was changed since, have it read again."
            found.append(Problem(0, 0, each.path, message, each.remedy + again, severity))
    return tuple(found)


def ensure_shipped(*, actor: str, now: datetime, record: Recorder) -> bool:
    """Publish the shipped documents where nothing is published yet, so that none takes the place of a person's own;
    True where that was done."""
    if Version.objects.published().exists():
        return False
    with transaction.atomic():
        for path in shipped_files():
            text = path.read_text(encoding="utf-8")
            note = f"shipped with Ordersite: {path.name}"
            publish_text(text=text, actor=actor, note=note, now=now, record=record)
    return True


def shipped_files() -> list[Path]:
    """The shipped documents, the board's first."""
    return [SHIPPED / "board.yaml", *sorted((SHIPPED / "customers").glob("*.yaml"))]


def digest(text: str) -> str:
    """64 hex digits that name a text."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def _parse(kind: str, text: str) -> tuple[BoardDocument | CustomerDocument | None, tuple[Problem, ...]]:
    return parse_board(text) if kind == DocumentKind.BOARD else parse_customer(text)


def _checked(document: Document, text: str) -> BoardDocument | CustomerDocument:
    """The parsed text. Raises NotPublishable."""
    problems = errors(publishing_problems(document, text))
    parsed, _ = _parse(document.kind, text)
    if problems or parsed is None:
        raise NotPublishable(problems)
    return parsed


def _follow_aliases(customer: Customer, parsed: CustomerDocument) -> None:
    """Make the alias rows of this customer those of its document; the canonical name is one of them."""
    wanted = {fold(text): text for text in (parsed.customer, *parsed.aliases)}
    existing = {alias.folded: alias for alias in Alias.objects.filter(customer=customer)}
    for folded, alias in existing.items():
        if folded not in wanted:
            alias.delete()
        elif alias.text != wanted[folded]:
            Alias.objects.filter(pk=alias.pk).update(text=wanted[folded])
    for folded, text in wanted.items():
        if folded not in existing:
            Alias.objects.create(customer=customer, text=text, folded=folded)


def _free_name(board: BoardDocument) -> str:
    """The board's own name, with its id where another document has that name."""
    wanted, key = board.board.name, board.board.id
    taken = Document.objects.filter(name=wanted).exclude(kind=DocumentKind.BOARD, board_key=key).exists()
    return f"{wanted} ({key})" if taken else wanted
