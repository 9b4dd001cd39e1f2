"""`gone_items`: items that are gone from the board; recreate them, link another, or stop following their orders."""

from __future__ import annotations

from typing import Any

from django.core.management.base import CommandError, CommandParser
from django.db.models import Q

from monday.calls import CallLog
from monday.management.quiet import QuietCommand
from staging.boards import gone
from staging.console import USAGE, actor, sentences
from staging.core.lifecycle import NotAllowed
from staging.management.board_output import board_options
from staging.models import Snapshot
from staging.models.snapshot import LinkState
from staging.setup import Setup
from staging.wiring import opened


class Command(QuietCommand):
    help = (
        "List the orders whose items are gone from the board, and decide on them. Example: gone_items recreate 1234; "
        "gone_items relink 1234 --to 5678; gone_items stop 1234 --reason 'sold elsewhere'"
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("choice", choices=["list", *gone.CHOICES])
        parser.add_argument("items", nargs="*", help="item ids or record UUIDs, as list shows them")
        parser.add_argument("--all", action="store_true", help="every one that list shows")
        parser.add_argument("--to", metavar="ITEM", help="the item to link instead, for relink")
        parser.add_argument("--reason", default="", help="why; needed to stop following")
        board_options(parser)
        parser.add_argument("--json", action="store_true", help="one JSON document on stdout")

    def handle(self, *args: Any, **options: Any) -> None:
        calls = CallLog()
        with (
            sentences(not_allowed=USAGE),
            opened(
                mode=options["mode"], calls=calls, board_name=options["board"], allow_sandbox=options["allow_sandbox"]
            ) as setup,
        ):
            if options["choice"] == "list":
                self._list(list(gone.gone(setup.board)), json_wanted=options["json"])
                return
            done, refused = _decide(_chosen(setup, options), setup, options)
        calls.flush()
        if options["json"]:
            self.tell({"schema_version": 1, "done": done, "refused": refused})
        else:
            for name in done:
                self.stdout.write(f"{name}: {SAID[options['choice']]}")
            for sentence in refused:
                self.stderr.write(sentence)
        if refused:
            raise SystemExit(USAGE)

    def _list(self, links: list[Snapshot], *, json_wanted: bool) -> None:
        if json_wanted:
            rows = [_picture(link) for link in links]
            self.tell({"schema_version": 1, "gone": rows})
            return
        for link in links:
            left = " (not followed)" if link.state == LinkState.GONE else ""
            self.stdout.write(f"{link.item_id}  {link.record}  {link.customer.name}  {gone.name_of(link)}{left}")
        if not links:
            self.stdout.write("No order waits for a decision on its item.")


SAID = {
    "recreate": "the next sync creates its item anew.",
    "relink": "linked; the next sync stages what differs.",
    "stop": "not followed any more.",
}


def _picture(link: Snapshot) -> dict[str, Any]:
    left = link.state == LinkState.GONE
    customer, name = link.customer.name, gone.name_of(link)
    return {"item": link.item_id, "record": link.record, "customer": customer, "name": name, "left": left}


def _chosen(setup: Setup, options: dict[str, Any]) -> list[Snapshot]:
    """The links that are meant. Raises CommandError where that cannot be told."""
    words = options["items"]
    if bool(words) == options["all"]:
        raise CommandError("Say which. Remedy: name items or records, or give --all alone.", returncode=USAGE)
    if (options["choice"] == "relink") != bool(options["to"]) or (options["to"] and len(words) != 1):
        raise CommandError("relink takes one item and --to. Remedy: gone_items relink 1234 --to 5678", returncode=USAGE)
    if options["all"]:
        return list(gone.gone(setup.board))
    links = []
    for word in words:
        found = Snapshot.objects.filter(board=setup.board).filter(Q(item_id=word) | Q(record=word.lower()))
        link = found.select_related("customer", "board").first()
        if link is None:
            raise CommandError(f"No order is linked to {word}. Remedy: see gone_items list.", returncode=USAGE)
        links.append(link)
    return links


def _decide(links: list[Snapshot], setup: Setup, options: dict[str, Any]) -> tuple[list[str], list[str]]:
    """One by one; a refusal of one does not keep the others back."""
    done, refused = [], []
    for link in links:
        name = gone.name_of(link)
        try:
            if options["choice"] == "stop":
                gone.stop(link=link, actor=actor(), now=setup.clock.now(), reason=options["reason"])
            elif options["choice"] == "relink":
                gone.relink(link=link, item_id=options["to"], setup=setup, actor=actor(), reason=options["reason"])
            else:
                gone.recreate(link=link, setup=setup, actor=actor(), reason=options["reason"])
        except NotAllowed as problem:
            refused.append(f"{name}: {problem}")
        else:
            done.append(name)
    return done, refused
