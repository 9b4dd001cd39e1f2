"""`prepare_board`: what the real board lacks before orders can go to it, and with --apply its creation."""

from __future__ import annotations

import json
from argparse import ArgumentParser
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from mapping.core.family import Family
from mapping.core.problems import Problem
from mapping.core.targets import PREPARE, check
from mapping.prepare import NotCreated, Plan, create, missing
from mapping.published import NoMapping, load_family
from monday.budgets import SharedBudget
from monday.client import MondayClient, Unavailable
from monday.core.structure import BoardStructure
from monday.token import BadToken, Token

LOOPBACK = ("127.0.0.1", "localhost", "::1")


class Command(BaseCommand):
    help = "Show what the board lacks (UUID column, key column, labels, groups); with --apply create it."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--board", help="the board's name or id, where several are mapped")
        parser.add_argument("--apply", action="store_true", help="create what is missing")
        parser.add_argument("--json", action="store_true", help="one JSON document on stdout")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            family = load_family(options["board"]).family
            budget = _budget()
            client = _client(budget)
        except (NoMapping, BadToken) as problem:
            raise CommandError(str(problem), returncode=2) from None
        try:
            budget.join(client, client.identity())
            structure = client.board(family.board.board.id)
            plan = missing(structure, family.mappings())
            problems = _other_problems(family, structure)
            if options["json"]:
                self.stdout.write(json.dumps(_as_json(plan, problems, options["apply"]), ensure_ascii=False, indent=2))
            else:
                self._show(plan, problems, structure.name, options["apply"])
            if options["apply"]:
                create(client, plan, done=lambda step: self.stderr.write(f"created {step.sentence()}"))
        except Unavailable as problem:
            raise CommandError(str(problem), returncode=2 if problem.permanent else 1) from None
        except NotCreated as problem:
            raise CommandError(str(problem), returncode=1) from None
        finally:
            client.close()

    def _show(self, plan: Plan, problems: list[Problem], board: str, apply: bool) -> None:
        if not plan:
            self.stdout.write(f"{board} has everything that the mapping needs.")
        for step in plan.steps:
            self.stdout.write(f"missing: {step.sentence()}")
        for sentence in plan.by_hand:
            self.stdout.write(f"by hand: {sentence}")
        for problem in problems:
            self.stdout.write(problem.sentence())
        if plan.steps and not apply:
            self.stdout.write("Nothing was changed. Remedy: run again with --apply to create what is missing.")


def _other_problems(family: Family, structure: BoardStructure) -> list[Problem]:
    """What the check finds beyond the things that are created here."""
    found = dict.fromkeys(problem for mapping in family.mappings() for problem in check(mapping, structure, None))
    return [problem for problem in found if problem.remedy != PREPARE and problem.path != "deletions.group"]


def _budget() -> SharedBudget:
    patience = settings.MONDAY_CONNECT_TIMEOUT + settings.MONDAY_READ_TIMEOUT
    return SharedBudget(address=settings.MONDAY_API_URL, reserve=settings.MONDAY_DAILY_RESERVE, life=patience + 30)


def _client(budget: SharedBudget) -> MondayClient:
    local = urlsplit(settings.MONDAY_API_URL).hostname in LOOPBACK
    token = Token(settings.MONDAY_API_TOKEN or ("sandbox" if local else ""))  # any word opens a local board
    if not token:
        raise BadToken(
            "MONDAY_API_TOKEN is not set. Remedy: set it, or MONDAY_API_TOKEN_FILE, to a token of the account."
        )
    return MondayClient(
        address=settings.MONDAY_API_URL,
        token=token,
        api_version=settings.MONDAY_API_VERSION,
        connect_timeout=settings.MONDAY_CONNECT_TIMEOUT,
        read_timeout=settings.MONDAY_READ_TIMEOUT,
        budget=budget,
    )


def _as_json(plan: Plan, problems: list[Problem], applied: bool) -> dict[str, Any]:
    return {
        "schema_version": 1,
        "missing": [step.sentence() for step in plan.steps],
        "by_hand": list(plan.by_hand),
        "problems": [problem.sentence() for problem in problems],
        "apply": applied,
    }
