"""The runs that read a whole board, as a worker does them: what is asked stands in the run's row."""

from __future__ import annotations

from typing import Any

from . import pairing
from .adopt import adopt
from .models import SyncRun
from .models.run import Kind
from .reconcile import as_json, reconcile
from .setup import Progress, Setup


def carry_out(run: SyncRun, setup: Setup, progress: Progress) -> dict[str, Any]:
    """Do an adoption or a reconciliation; what its row keeps of it. Raises what `adopt` and `reconcile` raise."""
    if run.kind == Kind.RECONCILE:
        return {"counts": as_json(reconcile(run=run, setup=setup, progress=progress))}
    done = adopt(
        run=run,
        setup=setup,
        apply=bool(run.scope.get("apply")),
        progress=progress,
        expect_rows=run.scope.get("expect_rows"),
        expect_orphans=run.scope.get("expect_orphans"),
    )
    return {"counts": pairing.as_json(done.counts), "notes": done.notes}
