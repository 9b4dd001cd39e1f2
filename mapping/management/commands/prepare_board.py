"""`prepare_board`: what the real board lacks before orders can go to it, and with --apply its creation."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import CommandError

from mapping.core.family import Family
from mapping.core.problems import Problem
from mapping.core.targets import PREPARE, check
from mapping.management.live import Live, reached
from mapping.prepare import NotCreated, Plan, create, missing
from mapping.published import NoMapping, load_family
from monday.client import Unavailable
from monday.core.structure import BoardStructure
from monday.management.quiet import QuietCommand
from monday.token import BadToken


class Command(QuietCommand):
    help = (
        "Show what the board lacks (UUID column, key column, labels, groups); with --apply create it. "
        "Example: prepare_board --apply"
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--board", help="the board's name or id, where several are mapped")
        parser.add_argument("--apply", action="store_true", help="create what is missing")
        parser.add_argument("--json", action="store_true", help="one JSON document on stdout")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            family = load_family(options["board"]).family
            with reached() as live:
                self._prepare(family, live, options)
        except (NoMapping, BadToken) as problem:
            raise CommandError(str(problem), returncode=2) from None
        except Unavailable as problem:
            raise CommandError(str(problem), returncode=2 if problem.permanent else 1) from None
        except NotCreated as problem:
            raise CommandError(str(problem), returncode=1) from None

    def _prepare(self, family: Family, live: Live, options: dict[str, Any]) -> None:
        structure = live.structure(family.board.board.id)
        plan = missing(structure, family.mappings())
        problems = _other_problems(family, structure)
        ahead = f"Creating it takes {_calls(plan.calls)} (left today: {live.calls_left()})."
        if options["json"]:
            document = _as_json(plan, problems, options["apply"])
            self.tell(document)
        else:
            self._show(plan, problems, structure.name, ahead, options["apply"])
        if options["apply"]:
            create(live.client, plan, done=lambda step: self.stderr.write(f"created {step.sentence()}"))

    def _show(self, plan: Plan, problems: list[Problem], board: str, ahead: str, apply: bool) -> None:
        if not plan:
            self.stdout.write(f"{board} has everything that the mapping needs.")
        for step in plan.steps:
            self.stdout.write(f"missing: {step.sentence()}")
        for sentence in plan.by_hand:
            self.stdout.write(f"by hand: {sentence}")
        for problem in problems:
            self.stdout.write(problem.sentence())
        if plan.steps:
            self.stdout.write(ahead)
        if plan.steps and not apply:
            self.stdout.write("Nothing was changed. Remedy: run again with --apply to create what is missing.")


def _other_problems(family: Family, structure: BoardStructure) -> list[Problem]:
    """What the check finds beyond the things that are created here."""
    found = dict.fromkeys(problem for mapping in family.mappings() for problem in check(mapping, structure, None))
    return [problem for problem in found if problem.remedy != PREPARE and problem.path != "deletions.group"]


def _calls(number: int) -> str:
    return f"about {number:,} API {'call' if number == 1 else 'calls'}"


def _as_json(plan: Plan, problems: list[Problem], applied: bool) -> dict[str, Any]:
    return {
        "schema_version": 1,
        "missing": [step.sentence() for step in plan.steps],
        "by_hand": list(plan.by_hand),
        "calls": plan.calls,
        "problems": [problem.sentence() for problem in problems],
        "apply": applied,
    }
