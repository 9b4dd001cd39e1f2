"""`serve`: the web pages and the workers on this machine, as two child processes that live and end with this one."""

from __future__ import annotations

from argparse import ArgumentTypeError
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from ordersite.first_start import make_demo_orders, make_demo_users
from ordersite.supervisor import PortTaken, Supervisor

HOST = "127.0.0.1"


class Command(BaseCommand):
    help = "Serve the admin on this machine and run the jobs. Example: serve --port 8000. Ctrl-C ends both."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--port", type=_port, default=8000, help="port on 127.0.0.1 (default 8000)")
        parser.add_argument("--no-demo-orders", action="store_true", help="make no orders where there are none")
        parser.add_argument("--no-schedules", action="store_true", help="make no schedules where there are none")

    def handle(self, *args: Any, **options: Any) -> None:
        if settings.PRODUCTION:
            raise CommandError(
                "serve is for one machine without PRODUCTION. Remedy: run a WSGI server on ordersite.wsgi behind your "
                "proxy, and `manage.py worker` as a service.",
                returncode=2,
            )
        if made := make_demo_users():
            self._say("Demo users, one per role. Their passwords are shown this once:")
            for name, password in made:
                self._say(f"  {name:<14} {password}")
            self._say("Another one later: python manage.py changepassword viewer")
        if not options["no_demo_orders"] and (rows := make_demo_orders()):
            self._say(
                f"There were no orders yet: {rows:,} invented ones are made. Your own: load_orders FILE --replace"
            )
        supervisor = Supervisor(HOST, options["port"], say=self._say)
        supervisor.prepare(schedules=not options["no_schedules"])
        try:
            code = supervisor.run()
        except PortTaken as taken:
            raise CommandError(str(taken), returncode=2) from None
        if code:
            raise SystemExit(code)

    def _say(self, sentence: str) -> None:
        self.stdout.write(sentence)
        self.stdout.flush()


def _port(word: str) -> int:
    if not word.isascii() or not word.isdigit() or not 1 <= int(word) <= 65_535:
        raise ArgumentTypeError(f"must be a port between 1 and 65535, not {word!r}")
    return int(word)
