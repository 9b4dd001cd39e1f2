"""What `batches` can do to one batch: each action calls one use case and tells how it went."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from django.utils import timezone

from mapping.core.problems import did_you_mean
from monday.calls import CallLog
from staging.batches import decide
from staging.batches.approvers import why_not_answer
from staging.batches.diff import field_titles
from staging.batches.release import release_remembered
from staging.batches.tally import counts_since
from staging.console import FAILED, REFUSED, actor
from staging.core.lifecycle import BatchState, NotAllowed, OrderState
from staging.core.undoplan import ITEM, Force
from staging.models import Batch, Receipt, StagedOrder, SyncRun
from staging.models.run import Kind, RunState
from staging.notices import notify
from staging.pushing.push import Pushed, push
from staging.pushing.recheck import out_of_date
from staging.running import runs
from staging.running.headway import write_down
from staging.setup import Progress, Setup, Stopped
from staging.undoing.foresee import foresee, unsent
from staging.undoing.undo import undo

from . import undo_output

WITH_ERRORS = 3  # exit code
SHOWN = 10  # reasons that are printed for one batch


@dataclass(slots=True)
class Told:
    """How an action went: lines for people, data for programs, and what it adds to the exit code."""

    lines: list[str]
    data: dict[str, Any] = field(default_factory=dict)
    code: int = 0


Options = Mapping[str, Any]
Action = Callable[[Batch, Setup | None, Options, Progress], Told]


def approve(batch: Batch, setup: Setup | None, options: Options, progress: Progress) -> Told:
    """Let what is staged go out; with `only`, the rest moves to a batch of its own, held."""
    assert setup is not None
    newest = Batch.objects.latest("pk").pk
    count = decide.approve(
        batch=batch,
        mappings=setup.mappings,
        structure=setup.structure,
        actor=actor(),
        now=timezone.now(),
        only=options["only"],
        removals=options["removals"],
        note=options["note"],
    )
    rest = decide.set_aside_since(batch, newest)
    aside = f" The others wait, held, in batch {rest}." if rest else ""
    text = f"{_name(batch)}: {_orders(count)} approved.{aside} Next: batches push {batch.pk}"
    return Told([text], {"approved": count, "set_aside_in": rest})


def withdraw(batch: Batch, setup: Setup | None, options: Options, progress: Progress) -> Told:
    """Take an approval back."""
    decide.withdraw(batch=batch, actor=actor(), now=timezone.now())
    return Told([f"{_name(batch)}: the approval is taken back; nothing was sent."])


def decline(batch: Batch, setup: Setup | None, options: Options, progress: Progress) -> Told:
    """Say no to all of a batch."""
    decide.decline(batch=batch, actor=actor(), now=timezone.now(), reason=options["reason"])
    return Told([f"{_name(batch)}: declined; nothing of it goes out, and it is staged again when the source moves."])


def hold(batch: Batch, setup: Setup | None, options: Options, progress: Progress) -> Told:
    """Keep orders of a batch back."""
    ids = _mine(batch, options["orders"])
    held = decide.hold(batch=batch, orders=ids, actor=actor(), now=timezone.now(), reason=options["reason"])
    return _moved(batch, held, len(ids), "held", "only staged ones can be held")


def release(batch: Batch, setup: Setup | None, options: Options, progress: Progress) -> Told:
    """Let held orders be approved again, and what was undone, declined or given up be staged again."""
    ids, now = _mine(batch, options["orders"]), timezone.now()
    released = decide.release(batch=batch, orders=ids, actor=actor(), now=now)
    settled = release_remembered(batch=batch, orders=ids, actor=actor(), now=now, reason=options["reason"])
    why = "only held ones, and those undone, declined or given up, can be released"
    told = _moved(batch, released + settled, len(ids), "released", why)
    if settled or batch.state != BatchState.OPEN:
        told.lines.append("  The next sync stages them anew, in a batch of their own.")
    return told


def send(batch: Batch, setup: Setup | None, options: Options, progress: Progress) -> Told:
    """Push what is approved; the source is compared again first."""
    assert setup is not None
    calls = options["calls"]
    with _run(Kind.PUSH, batch, {}, progress, calls) as (run, told):
        done = push(batch=batch, setup=setup, actor=actor(), chunk=options["batch_size"], progress=told)
        wrong = done.settled.rejected or done.settled.unclear
        notes = [out_of_date(done.moved)] if done.moved else []
        _end(run, done.error, WITH_ERRORS if wrong else 0, counts_since(batch, run.started_at), notes, calls)
    settled = done.settled
    counts = {name: getattr(settled, name) for name in ("applied", "rejected", "held", "unclear")}
    words = f"{settled.applied:,} applied, {settled.rejected:,} rejected, {settled.held:,} held"
    words += f", {settled.unclear:,} without an answer (push again later)" if settled.unclear else ""
    lines = [f"{_name(batch)}: {words}."]
    if done.moved:
        lines.append(f"  Out of date - {out_of_date(done.moved)}")
    lines += _reasons(batch)
    if done.error:
        lines.append(f"  Stopped: {done.error}")
    return Told(lines, {**counts, "out_of_date": done.moved, "error": done.error or None}, _push_code(done))


def take_back(batch: Batch, setup: Setup | None, options: Options, progress: Progress) -> Told:
    """Put back what a batch wrote; what people edited since is kept and listed. Where somebody sits at the terminal,
    what would happen is shown first, and asked for."""
    assert setup is not None
    if not options["preview"] and (refused := why_not_answer(batch, actor())):
        raise NotAllowed(f"Batch {batch.pk}: {refused}")
    only = _mine(batch, options["orders"]) if options["orders"] else None
    ask: Callable[[list[str]], bool] | None = options.get("ask")
    if options["preview"] or ask is not None:
        found = list(foresee(batch=batch, setup=setup, progress=progress, only=only))
        lines = undo_output.lines(batch, found, left=0 if only else unsent(batch))
        if options["preview"]:
            return Told(lines, {"preview": undo_output.data(found)})
        if ask is not None and not ask(lines):
            return Told([f"{_name(batch)}: nothing was done."], {"undone": 0, "kept": {}, "error": None})
    force = Force(everything=options["force"], fields=_named_fields(batch, options["force_field"]))
    scope = {"reason": options["reason"], "force": options["force"] or sorted(force.fields)}
    calls = options["calls"]
    with _run(Kind.UNDO, batch, scope, progress, calls) as (run, told):
        done = undo(
            batch=batch, setup=setup, actor=actor(), progress=told, reason=options["reason"], only=only, force=force
        )
        kept = [f"{label}: {why}" for label, why in done.kept.items()]
        counts = {"undone": done.undone, "kept": len(kept)}
        _end(run, done.error, WITH_ERRORS if kept else 0, counts, kept[:200], calls)
    lines = [f"{_name(batch)}: {_orders(done.undone)} undone, {len(done.kept):,} kept."]
    lines += [f"  kept {label}: {why}" for label, why in done.kept.items()]
    if done.error:
        lines.append(f"  Stopped: {done.error}")
    code = FAILED if done.error else WITH_ERRORS if done.kept else 0
    return Told(lines, {"undone": done.undone, "kept": done.kept, "error": done.error or None}, code)


def _named_fields(batch: Batch, names: list[str]) -> frozenset[str]:
    """Fields by their ids or by the titles that the preview shows. Raises NotAllowed with the nearest one."""
    if not names:
        return frozenset()
    titles = field_titles(batch)
    receipts = Receipt.objects.filter(batch=batch, undoes__isnull=True).values_list("after", flat=True)
    known = {name for after in receipts.iterator() for name in after} | {ITEM}
    by_title = {titles(name).casefold(): name for name in sorted(known)} | {name.casefold(): name for name in known}
    for name in names:
        if name.casefold() not in by_title:
            remedy = did_you_mean(name, sorted(by_title), "See batches undo --preview for the fields.")
            raise NotAllowed(f"{_name(batch)} wrote no field {name!r}. Remedy: {remedy}")
    return frozenset(by_title[name.casefold()] for name in names)


@contextmanager
def _run(
    kind: Kind, batch: Batch, scope: dict[str, Any], progress: Progress, calls: CallLog
) -> Iterator[tuple[SyncRun, Progress]]:
    """The run's row of what is done here, with the calls that are made for it; its lease is renewed by each sign of
    progress, and its end is mailed."""
    asked_by = calls.correlation
    mode = "TEST" if batch.board.environment == "sandbox" else "PRODUCTION"
    run_id = 0
    try:
        with runs.at_once(kind=kind, batch=batch, mode=mode, actor=actor(), scope=scope) as run:
            run_id = run.pk
            calls.turn_to(f"run:{run_id}")

            def told(phase: str, done: int, total: int) -> None:
                write_down(run, run.lease_owner, phase, done, total)
                if SyncRun.objects.filter(pk=run.pk).exclude(cancelled_by="").exists():
                    raise Stopped
                progress(phase, done, total)

            yield run, told
    finally:
        calls.correlation = asked_by
        if run_id:
            notify.ended(run_id)


def _end(run: SyncRun, error: str, code: int, counts: Mapping[str, int], notes: list[str], calls: CallLog) -> None:
    calls.flush()
    state = RunState.FAILED if error else RunState.WITH_ERRORS if code else RunState.COMPLETED
    runs.end(run, state, now=timezone.now(), error=error, counts=dict(counts), notes=notes, api=calls.to_json())


ACTIONS: Mapping[str, Action] = {
    "approve": approve,
    "withdraw": withdraw,
    "decline": decline,
    "hold": hold,
    "release": release,
    "push": send,
    "undo": take_back,
}
NEED_THE_BOARD = frozenset({"approve", "push", "undo"})


def _push_code(done: Pushed) -> int:
    if done.batch.state == BatchState.SUPERSEDED:
        return REFUSED  # nothing of what was approved is current, so nothing was sent
    if done.error:
        return FAILED
    return WITH_ERRORS if done.settled.rejected or done.settled.unclear else 0


def _reasons(batch: Batch) -> list[str]:
    """Why orders of a pushed batch were refused or kept back, the first few."""
    stuck = StagedOrder.objects.filter(batch=batch, state__in=[OrderState.REJECTED, OrderState.HELD]).order_by("pk")
    lines = [f"  {state} {label}: {why}" for state, label, why in stuck.values_list("state", "label", "reason")[:SHOWN]]
    left = stuck.count() - len(lines)
    return [*lines, f"  ... and {left:,} more: batches show {batch.pk}"] if left > 0 else lines


def _moved(batch: Batch, moved: int, asked: int, word: str, why: str) -> Told:
    if not moved:
        raise NotAllowed(f"{_name(batch)}: no order was {word}; {why}. Remedy: see batches show {batch.pk}.")
    rest = f" {asked - moved:,} stay as they are; {why}." if moved < asked else ""
    return Told([f"{_name(batch)}: {_orders(moved)} {word}.{rest}"], {word: moved})


def _mine(batch: Batch, ids: list[int]) -> list[int]:
    """Those of the named orders that belong to this batch."""
    return list(batch.orders.filter(pk__in=ids).values_list("pk", flat=True))


def _name(batch: Batch) -> str:
    return f"Batch {batch.pk} - {batch.customer.name}"


def _orders(number: int) -> str:
    return "1 order" if number == 1 else f"{number:,} orders"
