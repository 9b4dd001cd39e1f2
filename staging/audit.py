"""Writes audit events, and checks that nobody has touched them.

Events are bound in chains: one per run (`run:7`) and one for what people decide (`decisions`), so that no row is
wanted by everybody at once. Every function that writes requires an open transaction: the event commits with the
change that it tells of, or not at all.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import orjson
from django.db import connection
from django.db.models import TextField, Value
from django.db.models.functions import Cast

from .models import AuditChain, AuditEvent

DECISIONS = "decisions"
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

    `all` stands for every chain; by name stand the decisions and the newest others. Who cuts off the end of a chain
    would have to cut it off there too. Call it before the event that carries it is recorded.
    """
    newest = list(AuditChain.objects.order_by("-id").values_list("name", "length", "head")[:NEWEST])
    newest += list(AuditChain.objects.filter(name=DECISIONS).values_list("name", "length", "head"))
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
    """The first place of a chain that is not as it was written; `event` is None where the tail is cut off."""

    chain: str
    sequence: int
    event: int | None
    what: str


def verify() -> tuple[int, list[Broken]]:
    """Read every chain from its beginning: how many events are sound, and the first bad place of each broken chain.

    Then the heads that ended runs carry are compared: a chain that was cut off together with its head is found there.
    """
    sound, broken = 0, []
    claims: dict[str, dict[int, tuple[str, str]]] = {}
    for chain in AuditChain.objects.order_by("id"):
        good, bad = _verify_chain(chain, claims)
        sound += good
        if bad:
            broken.append(bad)
    known = {one.chain for one in broken}
    return sound, broken + [one for one in _unmet(claims) if one.chain not in known]


def _verify_chain(chain: AuditChain, claims: dict[str, dict[int, tuple[str, str]]]) -> tuple[int, Broken | None]:
    previous, sequence = "", 0
    for pk, event in _events(chain):
        sequence += 1
        if event is None:
            return sequence - 1, Broken(chain.name, sequence, pk, "it was edited and cannot be read")
        if event.sequence != sequence:
            return sequence - 1, Broken(chain.name, sequence, event.pk, f"event {sequence} is missing")
        if event.previous_hash != previous:
            return sequence - 1, Broken(chain.name, sequence, event.pk, "it does not follow from the event before it")
        if event.hash not in (digest(event, chain.name), _former_digest(event, chain.name)) or not _as_stored(event):
            return sequence - 1, Broken(chain.name, sequence, event.pk, "it was edited")
        previous = event.hash
        for name, (length, head) in (event.data.get("heads") or {}).get("chains", {}).items():
            claims.setdefault(name, {})[length] = (head, f"{event.subject} of chain {chain.name}")
    if (chain.length, chain.head) != (sequence, previous):
        return sequence, Broken(chain.name, sequence + 1, None, f"{chain.length - sequence} events are cut off its end")
    return sequence, None


def _unmet(claims: dict[str, dict[int, tuple[str, str]]]) -> Iterator[Broken]:
    """The chains that do not hold what the end of a run has seen of them."""
    for name, seen in claims.items():
        for length, (head, by) in sorted(seen.items()):
            if not length:
                continue
            event = AuditEvent.objects.filter(chain__name=name, sequence=length)
            if event.values_list("hash", flat=True).first() != head:
                what = f"its end was cut off or made anew: {by} has seen another event {length}"
                yield Broken(name, length, None, what)
                break


def _as_stored(event: Any) -> bool:
    """Whether the row's text is byte by byte what would be written: a blank in its data changes no value."""
    if event.raw_data != orjson.dumps(event.data).decode():
        return False
    return event.raw_at is None or event.raw_at == str(connection.ops.adapt_datetimefield_value(event.at))


def _events(chain: AuditChain) -> Iterator[tuple[int, AuditEvent | None]]:
    """The chain's events by sequence, each with its number, None where it cannot be read; in pages."""
    last = 0
    stored: Any = chain.events.annotate(raw_data=Cast("data", TextField()), raw_at=_raw_time()).order_by(
        "sequence", "id"
    )
    while places := list(stored.filter(sequence__gt=last).values_list("id", "sequence")[:PAGE]):
        ids = [pk for pk, _ in places]
        try:
            page = {event.pk: event for event in stored.filter(sequence__gt=last, sequence__lte=places[-1][1])}
        except (ValueError, TypeError):
            page = {pk: event for pk in ids if (event := _readable(stored, pk)) is not None}
        for pk in ids:
            event = page.get(pk)
            yield pk, event if event is not None and isinstance(event.data, dict) and event.at else None
        last = places[-1][1]


def _readable(stored: Any, pk: int) -> AuditEvent | None:
    try:
        found: AuditEvent | None = stored.filter(pk=pk).first()
    except (ValueError, TypeError):
        return None
    return found


def _raw_time() -> Any:
    """The time as text where the database keeps it as text; others keep no more of it than its value."""
    if connection.vendor == "sqlite":
        return Cast("at", TextField())
    return Value(None, output_field=TextField())
