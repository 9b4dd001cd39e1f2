"""The runs that look at a board, as a worker does them: what is asked stands in the run's row."""

from __future__ import annotations

from typing import Any

from staging.core.lifecycle import NotAllowed
from staging.models import Snapshot, SyncRun
from staging.models.run import Kind
from staging.setup import Progress, Setup

from . import gone, pairing
from .adopt import adopt
from .reconcile import as_json, reconcile


def carry_out(run: SyncRun, setup: Setup, progress: Progress) -> dict[str, Any]:
    """Do an adoption, a reconciliation or the decision on a gone item; what its row keeps of it.

    Raises what `adopt`, `reconcile` and `gone` raise.
    """
    if run.kind == Kind.GONE:
        return _settle_gone(run, setup)
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


def _settle_gone(run: SyncRun, setup: Setup) -> dict[str, Any]:
    scope, link = run.scope, Snapshot.objects.select_related("customer").filter(pk=run.scope["link"]).first()
    if link is None and scope["choice"] == "recreate":  # also where a worker died between the decision and its end
        return {"notes": ["The link is forgotten. The next sync creates its item anew."]}
    if link is None:
        raise NotAllowed("The link is not there any more; somebody has decided on it already. Remedy: none needed.")
    name, told = gone.name_of(link), {"setup": setup, "actor": run.actor, "reason": scope.get("reason", "")}
    if scope["choice"] == "relink":
        gone.relink(link=link, item_id=scope["item"], **told)
        return {"notes": [f"{name}: item {scope['item']} stands for it now. The next sync stages what differs."]}
    gone.recreate(link=link, **told)
    return {"notes": [f"{name}: the next sync creates its item anew."]}
