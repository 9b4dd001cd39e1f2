"""What every command of this project has in common: quiet where it is asked to be, and with `--json` one document on
stdout however it ends."""

from __future__ import annotations

import json
from argparse import ArgumentParser, _SubParsersAction
from io import TextIOBase
from typing import Any, NoReturn

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import Error

from .stopping import STOPPED, asked

UNUSABLE = "The app database cannot be used. Remedy: python manage.py doctor"


class QuietCommand(BaseCommand):
    """A command that prints nothing with `--verbosity 0`: its exit code and stderr tell. A JSON document is printed
    all the same.

    What stops a command before its document is printed is told in one too: `schema_version` and `error`, as
    docs/refused.schema.json says. The sentence goes to stderr as well.
    """

    told = False
    words: tuple[str, ...] = ()
    """What was typed, where it came from a command line."""

    def run_from_argv(self, argv: list[str]) -> None:
        """As Django's, which reads the words in the next moment."""
        self.words = tuple(argv)
        super().run_from_argv(argv)

    def create_parser(self, prog_name: str, subcommand: str, **kwargs: Any) -> CommandParser:
        """As Django's; where somebody reads the JSON document, options that cannot be read are told in one too."""
        parser = super().create_parser(prog_name, subcommand, **kwargs)
        for one in _with_actions(parser):
            one.allow_abbrev = False  # `--js` would print a document, and none where it is refused
            self._hook(one)
        return parser

    def execute(self, *args: Any, **options: Any) -> str | None:
        """As Django's, with stdout shut where nobody reads it."""
        self.quiet = options.get("verbosity") == 0
        if self.quiet and not options.get("json"):
            options["stdout"] = Nowhere()
        try:
            _check_words(self.words)
            return super().execute(*args, **options)
        except (CommandError, Error, KeyboardInterrupt, SystemExit) as ended:
            self._tell_end(ended, options)
            if asked.code and isinstance(ended, CommandError | Error):
                raise CommandError(STOPPED, returncode=asked.code) from None
            raise
        except Exception as odd:
            if not asked.code:
                raise
            self._tell_end(odd, options)  # a driver has made it of the signal
            raise CommandError(STOPPED, returncode=asked.code) from None

    def tell(self, document: dict[str, Any]) -> None:
        """Print the one JSON document of this command."""
        self.told = True
        self.stdout.write(json.dumps(document, ensure_ascii=False, default=str))

    def refuse(self, sentence: str) -> None:
        """Print the document of a command that was stopped before it had one of its own."""
        self.tell({"schema_version": 1, "error": sentence})

    def _tell_end(self, ended: BaseException, options: dict[str, Any]) -> None:
        if options.get("json") and not self.told:
            self.refuse(STOPPED if asked.code else _sentence(ended))

    def _hook(self, parser: ArgumentParser) -> None:
        refused = parser.error

        def error(message: str) -> NoReturn:
            if "--json" in self.words:
                self.refuse(f"{message[:1].upper()}{message[1:]}. Remedy: {parser.prog.partition(' ')[2]} --help")
            refused(message)
            raise AssertionError("A parser's error ends the command.")

        parser.error = error  # type: ignore[method-assign]


def _with_actions(parser: ArgumentParser) -> list[ArgumentParser]:
    """The parser, and those of its actions such as `batches show`."""
    found = [one for one in parser._actions if isinstance(one, _SubParsersAction)]
    return [parser, *(each for one in found for each in one.choices.values())]


def _check_words(words: tuple[str, ...]) -> None:
    """Raises CommandError for bytes that are no text in the console's encoding: no database takes them."""
    for word in words:
        if not word.isascii() and any("\ud800" <= letter <= "\udfff" for letter in word):
            remedy = "type it in the encoding of this console (usually UTF-8), and give such a file another name"
            raise CommandError(f"{word!r} holds bytes that are no text. Remedy: {remedy}.", returncode=2)


def _sentence(ended: BaseException) -> str:
    if isinstance(ended, CommandError):
        return str(ended)
    # A database's own words may be a statement; the edge of the command line finds the sentence.
    return UNUSABLE if isinstance(ended, Error) else STOPPED


class Nowhere(TextIOBase):
    """Takes any text and keeps none."""

    def write(self, text: str) -> int:
        """How much was taken."""
        return len(text)
