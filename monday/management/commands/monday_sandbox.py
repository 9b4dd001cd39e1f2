"""`manage.py monday_sandbox`: serves a local monday.com on this machine."""

from __future__ import annotations

import errno
import sys
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from monday.sandbox import faults
from monday.sandbox.app import SandboxApp
from monday.sandbox.behaviour import Behaviour
from monday.sandbox.limits import PLANS
from monday.sandbox.server import serve
from monday.sandbox.settings_file import OddSetting
from monday.sandbox.store import SandboxStore, StoreUnusable

HOST = "127.0.0.1"


class Command(BaseCommand):
    """Binds to this machine only; needs no database of the app, and ends quietly with Ctrl-C."""

    help = (
        "Serves the local sandbox of monday.com; its API is at /v2, its boards are at /. "
        "Example: monday_sandbox --port 8765"
    )
    requires_system_checks: list[str] = []
    requires_migrations_checks = False

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--port", type=int, default=8765, help="port on 127.0.0.1; 0 takes a free one (default 8765)"
        )
        parser.add_argument(
            "--plan", choices=sorted(PLANS), default="none", help="the limits of this plan (default none)"
        )
        parser.add_argument("--latency-ms", type=int, default=0, help="milliseconds that each mutation takes longer")
        parser.add_argument("--faults", metavar="FILE", help="YAML or JSON with faults, behaviour and limits")
        parser.add_argument("--store", metavar="FILE", help="the store's file (default: the setting SANDBOX_STORE)")
        parser.add_argument("--token", help="the only token that is accepted (default: any that is not empty)")

        once = parser.add_mutually_exclusive_group()
        once.add_argument("--reset", action="store_true", help="empty the store and end; it becomes another account")
        once.add_argument("--snapshot", metavar="FILE", help="copy the store into a file and end")
        once.add_argument("--restore", metavar="FILE", help="put the store back as a snapshot kept it and end")

    def handle(self, *args: Any, **options: Any) -> None:
        port = options["port"]
        if not 0 <= port <= 65_535:
            raise CommandError(
                f"--port must lie between 0 and 65535, not {port}. Remedy: choose another one.", returncode=2
            )
        if options["latency_ms"] < 0:
            raise CommandError("--latency-ms must not be negative. Remedy: give 0 or more.", returncode=2)
        try:
            if options["reset"] or options["snapshot"] or options["restore"]:
                self._keep(options)
                return
            serve(_app(options), HOST, port, ready=self._tell)
        except (OddSetting, StoreUnusable) as problem:
            raise CommandError(str(problem), returncode=2) from None
        except OSError as problem:
            raise CommandError(_busy(port, problem), returncode=2) from None
        except KeyboardInterrupt:
            self.stderr.write("The sandbox has ended.")

    def _keep(self, options: dict[str, Any]) -> None:
        store = SandboxStore(_path(options))
        try:
            if options["reset"]:
                store.reset()
                self.stdout.write(f"{store.path} is empty now. It is account {store.account_id}.")
            elif options["snapshot"]:
                store.snapshot(options["snapshot"])
                self.stdout.write(f"{store.path} is kept in {options['snapshot']}.")
            else:
                store.restore(options["restore"])
                self.stdout.write(f"{store.path} is as it was kept in {options['restore']}.")
        finally:
            store.close()

    def _tell(self, address: str) -> None:
        self.stdout.write(f"monday.com sandbox: API {address}/v2, boards {address}/ (Ctrl-C ends it)")
        self.stdout.flush()
        sys.stdout.flush()


def _app(options: dict[str, Any]) -> SandboxApp:
    file = faults.read(options["faults"]) if options["faults"] else faults.from_data({})
    behaviour = Behaviour.from_mapping(file.behaviour)
    limits = PLANS[options["plan"]].with_settings(file.limits)
    return SandboxApp(
        SandboxStore(_path(options)),
        plan=options["plan"],
        latency_ms=options["latency_ms"],
        faults=file.script,
        token=options["token"],
        settle_seconds=behaviour.server_timeout,
        limits=limits,
        behaviour=behaviour,
    )


def _path(options: dict[str, Any]) -> str:
    path = str(options["store"] or settings.SANDBOX_STORE)
    if not Path(path).parent.is_dir():
        raise StoreUnusable(
            f"The folder of {path} does not exist. Remedy: create it, or name another file with --store."
        )
    return path


def _busy(port: int, problem: OSError) -> str:
    if problem.errno in (errno.EADDRINUSE, 10048):  # 10048 is Windows' number for the same
        return f"Port {port} is in use. Remedy: stop what uses it, or choose another one with --port."
    return f"Port {port} cannot be opened ({problem.strerror}). Remedy: choose another one with --port."
