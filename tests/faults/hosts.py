"""A host with a cluster of workers, as far as the line can tell: a host name, a `worker` service, and sudden deaths.

Linux alone: processes are found by the environment that they inherit, so that orphans are found too.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from random import Random

from tests.journeys.installation import TOP

NAMED = "import os, socket\nsocket.gethostname = lambda: os.environ['TORTURED_HOST']\n"
KINDS = ("process", "process", "process", "cluster", "cluster", "service", "host")
"""What dies: any process of a cluster, its leader, the service that watches it, or everything at once."""


class Host:
    """`name` is what its processes believe to run on. `dies` are the deaths so far by kind."""

    def __init__(self, folder: Path, name: str, *, workers: int) -> None:
        self.folder, self.name, self.workers = folder, name, workers
        self.dies = dict.fromkeys(dict.fromkeys(KINDS), 0)
        self._service: subprocess.Popen[bytes] | None = None
        self._mark = f"TORTURED_HOST={name}\0".encode()
        self._own = f"VAR_DIR={folder}\0".encode()

    def start(self) -> None:
        """Start the service, unless it lives."""
        if self._service is not None and self._service.poll() is None:
            return
        names = self.folder / "names"
        names.mkdir(exist_ok=True)
        (names / "sitecustomize.py").write_text(NAMED, encoding="utf-8")
        env = {**os.environ, "PYTHONPATH": str(names), "TORTURED_HOST": self.name, "WORKERS": str(self.workers)}
        env |= {"MONDAY_SETTLE_SECONDS": "1", "LOG_LEVEL": "ERROR"}
        with (self.folder / f"{self.name}.log").open("ab") as log:
            self._service = subprocess.Popen(
                [sys.executable, "manage.py", "worker"],
                cwd=TOP,
                env=env,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def kill(self, random: Random) -> bool:
        """Kill something of this host by SIGKILL; False where nothing of it lives just now."""
        found = self._processes()
        service = self._service.pid if self._service else 0
        leaders = [pid for pid in found if pid != service and _leads(pid)]
        living = {
            "process": [pid for pid in found if pid != service and pid not in leaders],
            "cluster": leaders,
            "service": [service] if service in found else [],
            "host": found,
        }
        kinds = [kind for kind in KINDS if living[kind]]
        if not kinds:
            return False
        kind = random.choice(kinds)
        for pid in living[kind] if kind == "host" else [random.choice(living[kind])]:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self.dies[kind] += 1
        return True

    def works(self) -> bool:
        """Whether its cluster has come up: the service, its leader, and the workers with who hands them messages."""
        return len(self._processes()) >= self.workers + 4

    def stop(self) -> None:
        """End the service as a service manager does: asked, and killed with all it started where it does not."""
        if self._service is not None:
            with suppress(ProcessLookupError):
                self._service.send_signal(signal.SIGTERM)
            with suppress(subprocess.TimeoutExpired):
                self._service.wait(timeout=60)
        for pid in self._processes():
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

    def _processes(self) -> list[int]:
        """Every living process of this host; one that has ended and is not cleared away yet has no environment."""
        found = []
        for entry in Path("/proc").iterdir():
            if entry.name.isdigit():
                with suppress(OSError):
                    environment = (entry / "environ").read_bytes()
                    if self._mark in environment and self._own in environment:
                        found.append(int(entry.name))
        return sorted(found)


def _leads(pid: int) -> bool:
    try:
        return os.getpgid(pid) == pid
    except ProcessLookupError:
        return False
