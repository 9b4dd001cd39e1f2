"""`import_mapping FILE ...`: the earlier system's files become drafts of documents; what is not understood is named."""

from __future__ import annotations

import getpass
from argparse import ArgumentParser
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from django.core.management.base import CommandError
from django.db import Error
from django.utils import timezone

from mapping.earlier import Outcome, base_text, keep, source_columns
from mapping.imports.drafting import REVIEW
from mapping.imports.findings import Finding
from mapping.imports.reading import MAX_BYTES
from mapping.imports.translation import Translation, translate
from mapping.publish import Recorder
from mapping.published import NoMapping, held_customers
from monday.management.quiet import QuietCommand

USAGE = 2


class Command(QuietCommand):
    help = (
        "Read the mapping and customer files of the earlier system, save drafts of documents, and name by line what "
        "was not translated. Exit code 0, or 2 where a file cannot be used; then nothing is saved. "
        "Example: import_mapping old-mapping.yaml --dry-run"
    )
    requires_system_checks: list[str] = []
    recorder: Recorder | None = None
    """Where publishing is recorded; the installation sets it, since the audit stands above this app."""

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("files", nargs="+", metavar="FILE", help="a mapping or customer file (YAML or JSON)")
        parser.add_argument("--board", help="the board's document that a mapping's draft starts from, by name or id")
        parser.add_argument(
            "--publish",
            action="store_true",
            help="publish the drafts without an open problem, except customers whose status is review",
        )
        parser.add_argument("--dry-run", action="store_true", help="save nothing")
        parser.add_argument("--json", action="store_true", help="one JSON document on stdout")

    def handle(self, *args: Any, **options: Any) -> None:
        if options["publish"] and (options["dry_run"] or self.recorder is None):
            reason = "--dry-run saves nothing" if options["dry_run"] else "no audit is at hand"
            raise CommandError(f"Nothing can be published: {reason}. Remedy: leave out --publish.", returncode=USAGE)
        translations = self._translated(options["files"], options["board"])
        refusals = [(each.file, finding) for each in translations for finding in each.refusals]
        if refusals:
            self._refuse(refusals, as_json=options["json"])
        outcomes = [Outcome(each.file, draft) for each in translations for draft in each.drafts]
        if not options["dry_run"]:
            record = self.recorder if options["publish"] else None
            outcomes = keep(outcomes, actor=_actor(), now=timezone.now(), record=record)
        if options["json"]:
            self.tell(_as_json(translations, outcomes))
        else:
            self._print(translations, outcomes)

    def _translated(self, names: Sequence[str], board: str | None) -> list[Translation]:
        read = {name: _read(name) for name in names}
        try:
            base = base_text(board, [data for data, _ in read.values()])
            held = held_customers()
        except NoMapping as missing:
            raise CommandError(str(missing), returncode=USAGE) from None
        except Error as problem:
            reason = " ".join(str(problem).split())[:200]
            remedy = "run `python manage.py migrate`, and check DATABASE_URL"
            raise CommandError(f"The database cannot be read: {reason}. Remedy: {remedy}.", returncode=USAGE) from None
        columns = source_columns(base)
        if columns is None:
            self.stderr.write(
                "The order table could not be read, so names of columns and sizes are not held against it. "
                "Remedy: check ORDERS_DATABASE_URL, or load orders, and import again."
            )
        found = []
        for name, (data, refusal) in read.items():
            if refusal is not None:
                found.append(Translation(name, refusals=(refusal,)))
            else:
                made = translate(data, base=base, source_columns=columns, file=Path(name).name, held=held)
                found.append(replace(made, file=name))
        return found

    def _refuse(self, refusals: list[tuple[str, Finding]], *, as_json: bool) -> None:
        if as_json:
            files = [{"file": file, **asdict(finding)} for file, finding in refusals]
            self.tell({"schema_version": 1, "ok": False, "refused": files})
        else:
            for file, finding in refusals:
                self.stdout.write(finding.sentence(file))
            self.stdout.write("Nothing was saved.")
        raise SystemExit(USAGE)

    def _print(self, translations: list[Translation], outcomes: list[Outcome]) -> None:
        for outcome in outcomes:
            draft = outcome.draft
            what = _count(draft.translated, "column" if draft.kind == "board" else "alias")
            notes = _count(len(draft.findings) - len(draft.open), "note")
            self.stdout.write(f"{draft.kind} {draft.name}: {what}, {len(draft.open)} open, {notes} - {outcome.state}")
            for finding in draft.findings:
                self._finding(outcome.file, finding)
        for translation in translations:
            for finding in translation.beside:
                self._finding(translation.file, finding)
        self.stdout.write(_sum(outcomes, sum(len(each.beside) for each in translations)))

    def _finding(self, file: str, finding: Finding) -> None:
        self.stdout.write(f"  {finding.sentence(file)}")
        for leaf in finding.leaves:
            self.stdout.write(f"    {leaf.sentence()}")


def _sum(outcomes: list[Outcome], beside: int) -> str:
    """The closing line; its numbers add up."""
    published = sum(each.state.startswith(("published", "holds")) for each in outcomes)
    kept = sum("saved as draft" in each.state or "saved before" in each.state for each in outcomes)
    open_, review = (
        sum(bool(each.draft.open) for each in outcomes),
        sum(each.draft.status == REVIEW for each in outcomes),
    )
    rest = len(outcomes) - published - kept
    text = f"{_count(len(outcomes), 'document')} = {published} published + {_count(kept, 'draft')} + {rest} not saved."
    text += f" With open problems: {open_}; to review: {review}."
    return f"{text} Beside them: {_count(beside, 'finding')}." if beside else text


def _count(number: int, thing: str) -> str:
    plural = "aliases" if thing == "alias" else f"{thing}s"
    return f"{number:,} {thing if number == 1 else plural}"


def _as_json(translations: list[Translation], outcomes: list[Outcome]) -> dict[str, Any]:
    return {
        "schema_version": 1,
        "ok": True,
        "documents": [
            {
                "file": each.file,
                "kind": each.draft.kind,
                "name": each.draft.name,
                "status": each.draft.status,
                "translated": each.draft.translated,
                "state": each.state,
                "version": each.version.number if each.version else None,
                "open": len(each.draft.open),
                "findings": [asdict(finding) for finding in each.draft.findings],
                "text": each.draft.text,
            }
            for each in outcomes
        ],
        "beside": [{"file": each.file, **asdict(finding)} for each in translations for finding in each.beside],
    }


def _read(name: str) -> tuple[bytes, Finding | None]:
    try:
        with Path(name).open("rb") as file:
            return file.read(MAX_BYTES + 1), None
    except OSError as error:
        reason = error.strerror or type(error).__name__
        return b"", Finding(0, "", f"the file cannot be read ({reason})", "Check the path and its rights.")
    except ValueError:
        return b"", Finding(0, "", "this is no file's name", "Check the path.")


def _actor() -> str:
    """Who runs the command, as versions and the audit name people at the console."""
    try:
        return f"cli:{getpass.getuser()}"[:150]
    except (OSError, KeyError):
        return "cli:unknown"
