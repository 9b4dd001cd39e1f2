"""What keeps an installation well over years, as runs that concern no board: pruning, and checking the audit."""

from __future__ import annotations

from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

from django.utils import timezone

from staging import audit
from staging.core.lifecycle import NotAllowed
from staging.core.words import counted
from staging.models import SyncRun
from staging.models.run import Kind, RunState
from staging.setup import Progress

from .archive import NotArchived
from .prune import Found, Pruned, prune
from .retention import NAMES

SHOWN = 20  # broken chains that a run's page names
REMEDY = "Remedy: run verify_audit, and compare with a backup, the logs and the mails."


def carry_out(run: SyncRun, progress: Progress) -> dict[str, Any]:
    """Do a pruning or a check of the audit; how its row ends. Raises NotAllowed, and what `progress` raises."""
    if run.kind == Kind.AUDIT:
        return _check_audit(progress)
    kinds = tuple(run.scope.get("kinds") or NAMES)
    try:
        return ended(prune(run=run, actor=run.actor, now=timezone.now, progress=progress, kinds=kinds))
    except NotArchived as refused:
        raise NotAllowed(str(refused)) from None


def ended(done: Pruned) -> dict[str, Any]:
    """What a run's row keeps of a pruning: counts by kind, a note for each kind of which something went, the files."""
    notes = [told[:1].upper() + told[1:] for found in done.kinds if found.count and (told := sentence(found))]
    notes += [note for found in done.kinds for note in found.notes]
    notes += [f"Written to {file.path} (SHA-256 {file.sha256})." for file in done.files]
    files = [{"file": str(file.path), "sha256": file.sha256} for file in done.files]
    broken = any(found.notes for found in done.kinds)
    return {
        "state": RunState.WITH_ERRORS if broken else RunState.COMPLETED,
        "counts": {found.name: found.count for found in done.kinds},
        "notes": notes or ["Nothing was old enough to go."],
        "result": {"kinds": [found.to_json() for found in done.kinds], "files": files},
    }


def sentence(found: Found) -> str:
    """One kind in a line: how many, which, and between which days."""
    if not found.days:
        return f"{found.words}: kept for ever"
    if not found.count:
        return f"{found.words}: none that is older than {counted(found.days, 'day')} and needed by nothing later"
    between = " to ".join(f"{at.astimezone(UTC):%Y-%m-%d}" for at in (found.oldest, found.newest) if at)
    parts = ", ".join(f"{number:,} {name}" for name, number in (found.parts or {}).items())
    return f"{found.words}: {found.count:,}{f' ({parts})' if parts else ''}, of {between}"


def _check_audit(progress: Progress) -> dict[str, Any]:
    sound, broken = audit.verify(lambda done, total: progress("audit", done, total))
    result = {"sound": sound, "broken": [asdict(one) for one in broken[:SHOWN]]}
    if not broken:
        return {"state": RunState.COMPLETED, "counts": {"sound events": sound}, "result": result}
    first = broken[0]
    error = f"The audit is broken: chain {first.chain} at event {first.sequence}: {first.what}."
    more = f" {counted(len(broken), 'chain')} in all." if len(broken) > 1 else ""
    notes = [f"Chain {one.chain} is broken at event {one.sequence}: {one.what}." for one in broken[:SHOWN]]
    counts = {"sound events": sound, "broken chains": len(broken)}
    return {
        "state": RunState.FAILED,
        "counts": counts,
        "notes": notes,
        "result": result,
        "error": f"{error}{more} {REMEDY}",
    }


def last_check() -> tuple[SyncRun | None, datetime | None]:
    """The newest check of the audit that came to its end, and when that was."""
    ended_ones = SyncRun.objects.filter(kind=Kind.AUDIT, state__in=[RunState.COMPLETED, RunState.FAILED])
    run = ended_ones.exclude(result={}).order_by("-id").first()
    return run, run.finished_at if run else None
