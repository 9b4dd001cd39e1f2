"""`verify_audit`: whether every audit event stands as it was written."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from django.core.management.base import CommandParser

from monday.management.quiet import QuietCommand
from staging import audit
from staging.audit import Broken
from staging.core.words import counted
from staging.models import AuditChain
from staging.upkeep.cut import history

BROKEN = 1  # exit code
SHOWN = 5  # prunings that are listed


class Command(QuietCommand):
    help = (
        "Read the audit from its beginning and find edited, missing or reordered events. What was pruned is proved by "
        "the events that say so. Exit code 1 where something is wrong. Example: verify_audit --json"
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--json", action="store_true", help="print one JSON document")

    def handle(self, *args: Any, **options: Any) -> None:
        sound, broken = audit.verify()
        chains = AuditChain.objects.count()
        if options["json"]:
            document = {
                "schema_version": 1,
                "status": "broken" if broken else "sound",
                "chains": chains,
                "sound_events": sound,
                "broken": [asdict(one) for one in broken],
                "pruned": [{**asdict(one), "at": one.at.isoformat()} for one in (() if broken else history())],
            }
            self.tell(document)
        else:
            self._print(sound, chains, broken)
        if broken:
            raise SystemExit(BROKEN)

    def _print(self, sound: int, chains: int, broken: list[Broken]) -> None:
        events = "1 event" if sound == 1 else f"{sound:,} events"
        many = "1 chain" if chains == 1 else f"{chains:,} chains"
        if not broken:
            self.stdout.write(f"The audit is whole: {events} in {many}.")
            self._tell_pruned()
            return
        for one in broken:
            at = f" (row {one.event})" if one.event is not None else ""
            self.stderr.write(f"Chain {one.chain} is broken at event {one.sequence}{at}: {one.what}.")
        self.stderr.write(
            f"{len(broken):,} of {many} are broken; {events} before those places are sound. "
            "Remedy: compare with a backup and with the logs, and find out who could write to the app database."
        )

    def _tell_pruned(self) -> None:
        past = history()
        if not past:
            return
        self.stdout.write(f"Before them, {counted(sum(one.events for one in past), 'event')} were pruned:")
        for one in past[-SHOWN:]:
            between = f"{one.oldest[:10]} to {one.newest[:10]}"
            where = f"{counted(one.events, 'event')} of {between} into {', '.join(one.files)}"
            self.stdout.write(f"  {one.at:%Y-%m-%d %H:%M} UTC, by {one.by} ({one.run}): {where}")
        if len(past) > SHOWN:
            self.stdout.write(f"  ... and {len(past) - SHOWN:,} earlier prunings. Remedy: --json lists all.")
