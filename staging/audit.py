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

from .models import AuditChain, AuditEvent

DECISIONS = "decisions"


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
    event.hash = digest(event, chain)
    event.save(force_insert=True)
    head.length, head.head = event.sequence, event.hash
    head.save(update_fields=["length", "head"])
    return event


def digest(event: AuditEvent, chain: str) -> str:
    """The hash that this event must carry, from everything it says and the hash before it."""
    body = [
        event.previous_hash,
        chain,
        event.sequence,
        event.at.astimezone(UTC).isoformat(timespec="microseconds"),
        event.actor,
        event.action,
        event.subject,
        event.reason,
        event.data,
    ]
    return hashlib.sha256(orjson.dumps(body, option=orjson.OPT_SORT_KEYS)).hexdigest()


@dataclass(frozen=True, slots=True)
class Broken:
    """The first place of a chain that is not as it was written; `event` is None where the tail is cut off."""

    chain: str
    sequence: int
    event: int | None
    what: str


def verify() -> tuple[int, list[Broken]]:
    """Read every chain from its beginning: how many events are sound, and the first bad place of each broken chain."""
    sound, broken = 0, []
    for chain in AuditChain.objects.order_by("id"):
        good, bad = _verify_chain(chain)
        sound += good
        if bad:
            broken.append(bad)
    return sound, broken


def _verify_chain(chain: AuditChain) -> tuple[int, Broken | None]:
    previous, sequence = "", 0
    for event in _events(chain):
        sequence += 1
        if event.sequence != sequence:
            return sequence - 1, Broken(chain.name, sequence, event.pk, f"event {sequence} is missing")
        if event.previous_hash != previous:
            return sequence - 1, Broken(chain.name, sequence, event.pk, "it does not follow from the event before it")
        if event.hash != digest(event, chain.name):
            return sequence - 1, Broken(chain.name, sequence, event.pk, "it was edited")
        previous = event.hash
    if (chain.length, chain.head) != (sequence, previous):
        return sequence, Broken(chain.name, sequence + 1, None, f"{chain.length - sequence} events are cut off its end")
    return sequence, None


def _events(chain: AuditChain) -> Iterator[AuditEvent]:
    """The chain's events by sequence, in pages, so that memory does not grow with their number."""
    last = 0
    while page := list(chain.events.filter(sequence__gt=last).order_by("sequence")[:1000]):
        yield from page
        last = page[-1].sequence
