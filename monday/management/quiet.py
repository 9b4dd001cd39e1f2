"""What every command of this project has in common: quiet where it is asked to be."""

from __future__ import annotations

from io import TextIOBase
from typing import Any

from django.core.management.base import BaseCommand


class QuietCommand(BaseCommand):
    """A command that prints nothing with `--verbosity 0`: its exit code and stderr tell. A JSON document is printed
    all the same."""

    def execute(self, *args: Any, **options: Any) -> str | None:
        """As Django's, with stdout shut where nobody reads it."""
        self.quiet = options.get("verbosity") == 0
        if self.quiet and not options.get("json"):
            options["stdout"] = Nowhere()
        return super().execute(*args, **options)


class Nowhere(TextIOBase):
    """Takes any text and keeps none."""

    def write(self, text: str) -> int:
        """How much was taken."""
        return len(text)
