"""Writes audit events, and checks that nobody has touched them.

Events are bound in chains: one per run (`run:7`) and one for what people decide (`decisions`), so that no row is
wanted by everybody at once. Every function that writes requires an open transaction: the event commits with the
change that it tells of, or not at all.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import orjson
from django.db import DatabaseError, connection
from django.db.models import TextField, Value
from django.db.models.functions import Cast

from .models import AuditChain, AuditEvent, SyncRun

DECISIONS = "decisions"
RETENTION = "retention"
"""The chain that says what was taken away from the beginnings of the others. Nothing is ever taken away from it."""
CUT = "audit.cut"
"""The action of its events: `data["chains"]` maps each chain to how many events are gone and the last one's hash."""
NEWEST = 50  # chains whose heads stand by name in the event that closes a run
PAGE = 900


def run_chain(run_id: int) -> str:
    """The name of a run's chain."""
    return f"run:{run_id}"


def record(
    *,
    chain: str,
    actor: str,
    action: str,
    subject: str,
    now: datetime,
    reason: str = "",
    data: dict[str, Any] | None = None,
) -> AuditEvent:
    """Append one event to a chain. Requires an open transaction; the chain's head is locked until it ends."""
    AuditChain.objects.get_or_create(name=chain)
    head = AuditChain.objects.select_for_update().get(name=chain)
    event = AuditEvent(
        chain=head,
        sequence=head.length + 1,
        at=now,
        actor=actor,
        action=action,
        subject=subject,
        reason=reason,
        data=data or {},
        previous_hash=head.head,
    )
    event.save(force_insert=True)
    event.hash = digest(event, chain)
    event.save(update_fields=["hash"])  # its own number is part of what it says
    head.length, head.head = event.sequence, event.hash
    head.save(update_fields=["length", "head"])
    return event


def digest(event: AuditEvent, chain: str) -> str:
    """The hash that this event must carry, from everything its row says and the hash before it.

    The data count as the text that is stored, so that not even the order of its keys can be changed.
    """
    return _hash([event.pk, *_said(event, chain), orjson.dumps(event.data).decode()])


def _former_digest(event: AuditEvent, chain: str) -> str:
    """The hash of the events of the first installations: without the row's number, data in the order of their keys."""
    return _hash([*_said(event, chain), event.data])


def _said(event: AuditEvent, chain: str) -> list[Any]:
    at = event.at.astimezone(UTC).isoformat(timespec="microseconds")
    said = [event.previous_hash, chain, event.sequence, at, event.actor, event.action, event.subject, event.reason]
    return list(said)


def _hash(body: list[Any]) -> str:
    return hashlib.sha256(orjson.dumps(body, option=orjson.OPT_SORT_KEYS)).hexdigest()


def heads() -> dict[str, Any]:
    """How long the chains are and where they end: for the event that closes a run, the log and the mail.

    `all` stands for every chain; by name stand the decisions, what was pruned, and the newest others. Who cuts
    off the end of a chain would have to cut it off there too. Call it before the event that carries it is recorded.
    """
    newest = list(AuditChain.objects.order_by("-id").values_list("name", "length", "head")[:NEWEST])
    newest += list(AuditChain.objects.filter(name__in=(DECISIONS, RETENTION)).values_list("name", "length", "head"))
    every = AuditChain.objects.order_by("id").values_list("name", "length", "head")
    whole = hashlib.sha256()
    for name, length, head in every.iterator(chunk_size=2000):
        whole.update(f"{name} {length} {head}\n".encode())
    return {"all": whole.hexdigest(), "chains": {name: [length, head] for name, length, head in newest}}


def words(at: dict[str, Any]) -> str:
    """The heads in one short line, for a log or a mail."""
    length, head = at.get("chains", {}).get(DECISIONS, (0, ""))
    return f"Audit: decisions {length} {str(head)[:16] or '-'}, all chains {str(at.get('all', ''))[:16]}"


@dataclass(frozen=True, slots=True)
class Broken:
    """The first place of a chain that is not as it was written, with the row that was edited.

    `event` is None where no row can be named: `what` says then which rows the place lies between.
    """

    chain: str
    sequence: int
    event: int | None
    what: str


Claims = dict[str, dict[int, tuple[str, str]]]


def verify(progress: Callable[[int, int], None] = lambda done, total: None) -> tuple[int, list[Broken]]:
    """Read every chain from its beginning: how many events are sound, and the first bad place of each broken chain.

    A chain whose beginning was pruned is read from where the chain of what was pruned says that it begins. Then the
    heads that ended runs carry are compared: a chain that was cut off together with its head is found there. A run
    that ended and has no chain is found by its own row.
    `progress` is told how many chains of how many are read.
    """
    sound, broken = 0, []
    claims: Claims = {}
    anchors: dict[str, tuple[int, str]] = {}
    total = AuditChain.objects.count()
    for done, chain in enumerate(_chains()):
        progress(done, total)
        good, bad = _verify_chain(chain, claims)
        sound += good
        if chain.cut_length:
            anchors[chain.name] = (chain.cut_length, chain.cut_hash)
        if bad:
            broken.append(bad)
    told = _told({*anchors, *claims})
    known = {one.chain for one in broken}
    late = [*_unanchored(anchors, told), *_unmet(claims, told), *_chainless()]
    return sound, broken + list({one.chain: one for one in reversed(late) if one.chain not in known}.values())


def fault(event: AuditEvent | None, chain: str, sequence: int, previous: str) -> str:
    """What is wrong with the event that stands at this place of its chain, "" where it is as it was written.

    `event` comes from `events`, `previous` is the hash of the one before it.
    """
    if event is None:
        return "it was edited and cannot be read"
    if event.sequence != sequence:
        return f"event {sequence} is missing"
    if event.previous_hash != previous:
        return "it does not follow from the event before it"
    if event.hash not in (digest(event, chain), _former_digest(event, chain)) or not _as_stored(event):
        return "it was edited"
    return ""


def _chains() -> Iterator[AuditChain]:
    last = 0
    while page := list(AuditChain.objects.filter(pk__gt=last).order_by("id")[:PAGE]):
        yield from page
        last = page[-1].pk


def _verify_chain(chain: AuditChain, claims: Claims) -> tuple[int, Broken | None]:
    """Read one chain up to its length of a moment ago; what is appended or pruned meanwhile breaks nothing."""
    good, bad = _read(chain, claims)
    if bad is None:
        return good, None
    pruned = (chain.cut_length, chain.cut_hash)
    now = AuditChain.objects.filter(pk=chain.pk).first()
    if now is None or (now.cut_length, now.cut_hash) == pruned:
        return (0, None) if now is None else (good, bad)
    chain.refresh_from_db()
    return _read(chain, claims)


def _read(chain: AuditChain, claims: Claims) -> tuple[int, Broken | None]:
    previous, sequence, row = chain.cut_hash, chain.cut_length, None
    before = chain.events.filter(sequence__lte=sequence).order_by("sequence").values_list("id", flat=True).first()
    if before is not None:
        what = "it stands before the place where the chain begins, so its place or that beginning was edited"
        return 0, Broken(chain.name, 1, before, what)
    for pk, event in events(chain, upto=chain.length):
        sequence += 1
        wrong = fault(event, chain.name, sequence, previous)
        if event is not None and event.sequence != sequence:
            gap = _gap(sequence, event.sequence - 1, row, pk)
            return sequence - chain.cut_length - 1, _missing(chain, sequence, previous, gap)
        if wrong or event is None:
            return sequence - chain.cut_length - 1, Broken(chain.name, sequence, pk, wrong)
        previous, row = event.hash, pk
        for name, (length, head) in (event.data.get("heads") or {}).get("chains", {}).items():
            claims.setdefault(name, {})[length] = (head, f"{event.subject} of chain {chain.name}")
    good = sequence - chain.cut_length
    if chain.length != sequence:
        cut = f"{chain.length - sequence} events are cut off its end"
        return good, _missing(chain, sequence + 1, previous, cut)
    if chain.head != previous:
        return good, Broken(chain.name, sequence + 1, None, "its length or the hash at its head was edited")
    behind = chain.events.filter(sequence__gt=chain.length).order_by("sequence")
    first = behind.values_list("id", "previous_hash").first()
    if first and AuditChain.objects.filter(pk=chain.pk, length=chain.length).exists():
        if first[1] == previous:
            return good, Broken(chain.name, sequence + 1, None, "events stand behind its end: its length was edited")
        return good, Broken(
            chain.name, sequence + 1, first[0], "it stands behind the end of a chain that is not its own"
        )
    return good, None


def _gap(first: int, last: int, before: int | None, after: int) -> str:
    missing = f"event {first} is missing" if first == last else f"events {first} to {last} are missing"
    return f"{missing}, before row {after}" if before is None else f"{missing}, between rows {before} and {after}"


def _missing(chain: AuditChain, sequence: int, previous: str, otherwise: str) -> Broken:
    """An event that is not at its place: the row that was written as it, where one still is; else what can be said."""
    for pk in list(AuditEvent.objects.filter(previous_hash=previous).order_by("id").values_list("id", flat=True)):
        with _rubbish_passed_over():
            event = AuditEvent.objects.get(pk=pk)
            at, event.sequence = event.sequence, sequence
            if event.hash in (digest(event, chain.name), _former_digest(event, chain.name)):
                where = "" if event.chain_id == chain.pk else f" of chain {_name(event.chain_id)}"
                what = f"its place was edited: it was written as event {sequence} and stands as event {at}{where}"
                return Broken(chain.name, sequence, pk, what)
    return Broken(chain.name, sequence, None, otherwise)


def _name(chain: int) -> str:
    return (
        AuditChain.objects.filter(pk=chain).values_list("name", flat=True).first() or f"number {chain}, which is gone"
    )


def _told(wanted: set[str]) -> dict[str, tuple[int, str]]:
    """How much of these chains was pruned at last, as the chain of what was pruned says: (events, the last's hash)."""
    told: dict[str, tuple[int, str]] = {}
    cuts = AuditEvent.objects.filter(chain__name=RETENTION, action=CUT).order_by("sequence")
    with _rubbish_passed_over():  # it is reported where its chain is
        for data in cuts.values_list("data", flat=True).iterator(chunk_size=PAGE):
            told |= {name: (length, head) for name, (length, head) in data["chains"].items() if name in wanted}
    return told


def _unanchored(anchors: dict[str, tuple[int, str]], told: dict[str, tuple[int, str]]) -> Iterator[Broken]:
    """The chains whose beginning is gone, and not by what the chain of what was pruned says."""
    for name, (length, head) in anchors.items():
        pruned_on = told.get(name, (0, ""))[0] > length and not AuditChain.objects.filter(name=name, cut_length=length)
        if told.get(name) != (length, head) and not pruned_on:
            yield Broken(name, length, None, f"its first {length} events are gone, and no pruning says so")


def _unmet(claims: Claims, told: dict[str, tuple[int, str]]) -> Iterator[Broken]:
    """The chains that do not hold what the end of a run has seen of them. What was pruned is known by its
    last event."""
    for name, seen in claims.items():
        gone, last = told.get(name, (0, ""))
        for length, (head, by) in sorted(seen.items()):
            if not length or length < gone:
                continue
            event = AuditEvent.objects.filter(chain__name=name, sequence=length)
            found = last if length == gone else event.values_list("hash", flat=True).first()
            if found != head:
                what = f"its end was cut off or made anew: {by} has seen another event {length}"
                yield Broken(name, length, None, what)
                break


def _chainless() -> Iterator[Broken]:
    """The runs that ended without a chain: whoever takes away the newest one whole leaves no later head to miss it."""
    ended = SyncRun.objects.filter(rehearsal=False, finished_at__isnull=False).order_by("id")
    names = [run_chain(pk) for pk in ended.values_list("id", flat=True)]
    # Read after the runs: one that ends this very moment has its chain by then.
    there = set(AuditChain.objects.filter(name__startswith="run:").values_list("name", flat=True))
    for name in names:
        if name not in there:
            yield Broken(name, 1, None, "the run stands in its list, and nothing of its chain is left")


def _as_stored(event: Any) -> bool:
    """Whether the row's text is byte by byte what would be written: a blank in its data changes no value."""
    if event.raw_data != orjson.dumps(event.data).decode():
        return False
    return event.raw_at is None or event.raw_at == str(connection.ops.adapt_datetimefield_value(event.at))


def events(chain: AuditChain, *, upto: int) -> Iterator[tuple[int, AuditEvent | None]]:
    """The chain's events by sequence, each with its number, None where it cannot be read; in pages."""
    last = chain.cut_length
    stored: Any = chain.events.annotate(raw_data=Cast("data", TextField()), raw_at=_raw_time())
    stored = stored.filter(sequence__lte=upto).order_by("sequence", "id")
    while places := list(stored.filter(sequence__gt=last).values_list("id", "sequence")[:PAGE]):
        ids = [pk for pk, _ in places]
        page: dict[int, AuditEvent] = {}
        with _rubbish_passed_over():
            page = {event.pk: event for event in stored.filter(sequence__gt=last, sequence__lte=places[-1][1])}
        for pk in ids:
            event = None
            with _rubbish_passed_over():
                event = page[pk] if pk in page else stored.filter(pk=pk).first()
            yield pk, event if event is not None and _of_its_types(event) else None
        last = places[-1][1]


def _of_its_types(event: AuditEvent) -> bool:
    texts = (event.actor, event.action, event.subject, event.reason, event.previous_hash, event.hash)
    return isinstance(event.data, dict) and bool(event.at) and all(isinstance(text, str) for text in texts)


@contextmanager
def _rubbish_passed_over() -> Iterator[None]:
    """What is no value of its column ends the block and nothing else; a database that fails is another matter."""
    try:
        yield
    except (ValueError, TypeError):
        pass
    except DatabaseError as problem:  # SQLite hands out whatever stands there, and this where that is no text
        if "decode" not in str(problem):
            raise


def _raw_time() -> Any:
    """The time as text where the database keeps it as text; others keep no more of it than its value."""
    if connection.vendor == "sqlite":
        return Cast("at", TextField())
    return Value(None, output_field=TextField())
