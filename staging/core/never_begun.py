"""The documents of a run and of a check that never began, for scripts. They need no settings, which may be what is
wrong."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from .counts import Counts

SCHEMA_VERSION = 1
PHASES = ("detect", "stage", "check", "push", "total")
NO_CALLS = {"calls": 0, "mutations": 0, "retries": 0, "waited_s": 0.0}


def without_options(words: Sequence[str], error: str) -> dict[str, Any]:
    """That of the `sync_orders` which these words are, where they or the settings could not be read."""
    if "--check" in words:
        return check_document(None, error)
    return run_document(None, "failed", error, dry_run="--dry-run" in words)


def run_document(
    mode: str | None,
    status: str,
    error: str,
    *,
    dry_run: bool,
    run_id: int | None = None,
    api: Mapping[str, float] = NO_CALLS,
) -> dict[str, Any]:
    """That of `sync_orders`, with nothing counted. `mode` is None where it is not known; `run_id` is given where the
    run broke off after it had begun."""
    return {
        "schema_version": SCHEMA_VERSION,
        "run_id": run_id,
        "mode": mode,
        "dry_run": dry_run,
        "status": status,
        "error": error,
        "counts": Counts().to_json(),
        "batches": [],
        "would_stage": [],
        "unknown_customers": {},
        "label_twins": [],
        "warnings": [],
        "api": dict(api),
        "duration_s": dict.fromkeys(PHASES, 0.0),
    }


def check_document(mode: str | None, error: str) -> dict[str, Any]:
    """That of `sync_orders --check`."""
    return {"schema_version": SCHEMA_VERSION, "check": True, "mode": mode, "error": error}
