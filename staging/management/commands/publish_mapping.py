"""`publish_mapping FILE`: a document of one's own becomes the version that holds, without a browser."""

from __future__ import annotations

import signal
from argparse import ArgumentTypeError
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from django.contrib.auth import get_user_model
from django.core.management.base import CommandError, CommandParser
from django.utils import timezone

from mapping.core.problems import Problem, errors
from mapping.core.yaml_text import MAX_BYTES
from mapping.drafts import open_drafts
from mapping.impact import what_holds
from mapping.models import Document, Version
from mapping.publish import NotPublishable, digest
from mapping.vetting import Surroundings, document_of, vet
from monday.calls import CallLog
from monday.management.quiet import QuietCommand
from staging.console import REFUSED, USAGE, Console, actor, sentences
from staging.core.words import counted
from staging.models import SyncRun
from staging.models.run import Kind
from staging.previews.impacts import counted_boards
from staging.previews.publishing import RIGHT, RIGHT_NEW, NotSeen, Overtaken, check_base, publish_file
from staging.setup import Stopped
from staging.wiring import recorder, surroundings

TOLD = ("name", "error", "read", "because", "staged", "gone", "replaced", "invalid", "invalid_now", "refusal")


class Command(QuietCommand):
    help = (
        "Publish a board's or a customer's document, after everything that stands against it was looked at and what "
        "it changes was counted. Over a document that is there already, say with --base which version the file was "
        "made from. Exit code 0, 2 where the document has an error, 5 where another version holds or nobody could "
        "count. Example: publish_mapping board.yaml --comment 'our own columns'"
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", metavar="FILE", help="a board's or a customer's document (YAML)")
        parser.add_argument("--comment", default="", metavar="TEXT", help="why, as the history and the audit show it")
        parser.add_argument(
            "--by",
            metavar="USERNAME",
            help="whose decision it is; this person must have the right to publish. Else the account on this machine",
        )
        parser.add_argument("--base", type=_number, metavar="N", help="the version that the file was made from")
        parser.add_argument(
            "--uncounted", action="store_true", help="publish also where it cannot be counted what that changes"
        )
        parser.add_argument("--dry-run", action="store_true", help="only say what would be published and change")
        parser.add_argument("--json", action="store_true", help="print one JSON document")

    def handle(self, *args: Any, **options: Any) -> None:
        quiet = options["json"] or options["verbosity"] == 0
        console = Console(self.stdout, self.stderr, quiet=quiet)
        text = _read(options["file"])
        with console.stoppable(signal.SIGINT, signal.SIGTERM), sentences():
            document = document_of(text)
            by = _person(options["by"], new=document.pk is None)
            try:
                self._publish(document, text, by, console, options)
            except (Overtaken, NotSeen) as refused:
                code = USAGE if isinstance(refused, Overtaken) and options["base"] is None else REFUSED
                raise CommandError(f"Nothing was published. {refused}", returncode=code) from None
            except NotPublishable as refused:
                self._refuse(document, refused.problems, options)
            except Stopped:
                raise SystemExit(console.signal_code) from None

    def _publish(self, document: Document, text: str, by: str, console: Console, options: dict[str, Any]) -> None:
        held = check_base(document, text, options["base"])
        if held is not None and held.sha256 == digest(text):
            self._tell("unchanged", document, held, held, [], [], options)
            return
        around = surroundings(document if document.pk else None, text)
        problems = vet(document=document if document.pk else None, text=text, around=around)
        if errors(problems):
            raise NotPublishable(problems)
        holds = what_holds()
        boards = _counted(document, text, by, console)
        failed = [board["error"] for board in boards if board.get("error")]
        if failed and not (options["uncounted"] or options["dry_run"]):
            raise NotSeen(f"Not every board was counted: {failed[0]} To publish all the same, say --uncounted.")
        if options["dry_run"]:
            self._tell("would_publish", document, None, held, problems, boards, options)
            return
        made = _published(text, by, holds, around, options)
        self._tell("published", made.document, made, held, problems, boards, options)

    def _refuse(self, document: Document, problems: Sequence[Problem], options: dict[str, Any]) -> None:
        self._tell("refused", document, None, None, problems, [], options)
        raise SystemExit(USAGE)

    def _tell(
        self,
        status: str,
        document: Document,
        made: Version | None,
        held: Version | None,
        problems: Sequence[Problem],
        boards: Sequence[dict[str, Any]],
        options: dict[str, Any],
    ) -> None:
        drafts = open_drafts(document) if document.pk and status != "refused" else []
        if options["json"]:
            self.tell(
                {
                    "schema_version": 1,
                    "status": status,
                    "file": options["file"],
                    "kind": str(document.kind),
                    "document": _name(document) or None,
                    "version": made.number if made else None,
                    "author": made.author if made else None,
                    "before": held.number if held else None,
                    "drafts": [{"number": draft.number, "author": draft.author} for draft in drafts],
                    "problems": [asdict(problem) for problem in problems],
                    "boards": [{name: board[name] for name in TOLD if name in board} for board in boards],
                }
            )
            return
        lines = [problem.sentence(options["file"]) for problem in problems]
        lines += [line for board in boards for line in _lines(board)]
        lines += [f"Draft {draft.number} by {draft.author} stays a draft." for draft in drafts[:5]]
        lines.append(_end(status, document, made, held))
        for line in lines:
            self.stdout.write(line)


def _published(text: str, by: str, holds: str, around: Surroundings, options: dict[str, Any]) -> Version:
    def record(**event: Any) -> object:
        return recorder(**{**event, "data": {**event["data"], "typed_by": actor()}})

    return publish_file(
        text=text,
        base=options["base"],
        holds=holds,
        actor=by,
        note=options["comment"].strip()[:2000],
        now=timezone.now(),
        record=record,
        around=around,
    )


def _counted(document: Document, text: str, by: str, console: Console) -> list[dict[str, Any]]:
    """What publishing would change on each board that is known; a first mapping knows none."""

    def progress(phase: str, done: int, total: int) -> None:
        console.progress({"now": "as is", "then": "with it"}.get(phase, phase), done, total)

    calls = CallLog(correlation=f"{actor()} publish_mapping", waits=console.waits)
    try:
        run = SyncRun(kind=Kind.IMPACT, actor=by)
        return counted_boards(document, text, run=run, calls=calls, progress=progress)
    finally:
        calls.flush()


def _lines(board: dict[str, Any]) -> list[str]:
    """What would change on one board, for a person."""
    if board.get("error"):
        return [f"{board['name']}: not counted. {board['error']}"]
    because = [f"{row['name']} {row['because']:,}" for row in board["customers"] if row["because"]]
    lines = [f"{board['name']}: {counted(board['because'], 'order')} staged because of this text"]
    lines[0] += f" ({', '.join(because)})" if because else ""
    lines[0] += f", {board['staged']:,} in all by the next sync."
    lines += (
        [f"  {board['replaced']:,} that wait or are approved now would be superseded."] if board["replaced"] else []
    )
    lines += [f"  {board['gone']:,} that would be staged now would not be."] if board["gone"] else []
    if board["invalid"] != board["invalid_now"]:
        lines.append(f"  {counted(board['invalid'], 'row')} could not be used; now it is {board['invalid_now']:,}.")
    return [*lines, *([f"  The next sync would refuse to work: {board['refusal']}"] if board["refusal"] else [])]


def _end(status: str, document: Document, made: Version | None, held: Version | None) -> str:
    if status == "refused":
        return "Nothing was published: the document has errors. Remedy: see the lines above."
    if status == "unchanged":
        return f"{held} has this very text and holds already."
    over = f" in the place of version {held.number} by {held.author}" if held else ", its first version"
    if made is None:
        return f"{_name(document)} would be published{over}. Nothing was written."
    return f"{made} by {made.author} holds now{over}. The next sync stages what it changes."


def _name(document: Document) -> str:
    """How people call the document, also where it is not stored yet."""
    key = document.customer.name if document.customer else document.board_key
    return document.name or (f"{document.kind} {key}" if key else "")


def _person(name: str | None, *, new: bool) -> str:
    """Who publishes, as versions and the audit name them. Raises CommandError where that person may not."""
    if name is None:
        return actor()
    found = get_user_model().objects.filter(username=name).first()
    if found is None or not found.is_active:
        what = "has no account" if found is None else "has an account that is closed"
        raise CommandError(f"{name!r} {what}. Remedy: --by somebody who may publish.", returncode=USAGE)
    if not found.has_perms([RIGHT, RIGHT_NEW] if new else [RIGHT]):
        raise CommandError(
            f"{name} may not publish mapping documents. Remedy: ask an administrator, or give that role.",
            returncode=USAGE,
        )
    return str(found.get_username())


def _read(name: str) -> str:
    """The file's text with the line ends of the editor. Raises CommandError."""
    try:
        with Path(name).open("rb") as file:
            data = file.read(MAX_BYTES + 1)
        return data.decode("utf-8-sig").replace("\r\n", "\n")
    except UnicodeDecodeError:
        raise CommandError(f"{name} is no UTF-8 text. Remedy: save it as UTF-8.", returncode=USAGE) from None
    except (OSError, ValueError) as problem:
        reason = getattr(problem, "strerror", None) or "this is no file's name"
        raise CommandError(f"{name!r} cannot be read ({reason}). Remedy: check the path.", returncode=USAGE) from None


def _number(word: str) -> int:
    if not word.isascii() or not word.isdigit() or not 0 < int(word[:12]) < 2**31:
        raise ArgumentTypeError(f"must be the number of a version, such as 7, not {word!r}")
    return int(word)
