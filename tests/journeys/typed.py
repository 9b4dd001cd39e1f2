"""An installation whose commands are typed as a person types them, and the served board that they write to."""

from __future__ import annotations

import atexit
import json
import os
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mapping.core.document import parse_board
from mapping.core.rules import effective
from mapping.core.targets import expected_structure
from mapping.publish import SHIPPED
from monday.client import MondayClient
from monday.core.structure import BoardStructure
from monday.sandbox.app import SandboxApp
from monday.sandbox.server import running
from monday.sandbox.store import SandboxStore
from monday.token import Token

ROOT = Path(__file__).resolve().parents[2]
PLAIN = ("text", "long_text", "numbers", "date", "status", "dropdown")
QUANTITY = "numeric_mkra7j8e"


@dataclass
class Typed:
    """Commands run as child processes in `folder`; `address` is the served board's, "" for the one in the process."""

    folder: Path
    address: str = ""
    extra: dict[str, str] = field(default_factory=dict)

    @property
    def environment(self) -> dict[str, str]:
        kept = {name: os.environ[name] for name in ("PATH", "HOME", "SYSTEMROOT") if name in os.environ}
        made = {"VAR_DIR": str(self.folder), "DJANGO_SETTINGS_MODULE": "ordersite.settings", "PYTHONUTF8": "1"}
        reached = {"MONDAY_API_URL": self.address, "MONDAY_SETTLE_SECONDS": "0"} if self.address else {}
        return {**kept, **made, **reached, **self.extra}

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "manage.py", *arguments],
            cwd=ROOT,
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            errors="replace",
        )

    def run(self, *arguments: str, code: int = 0) -> str:
        """Run one command and give what it printed; fails where it ends with another code or shows a traceback."""
        out, err = self._end(self.start(*arguments), arguments, code)
        return out + err if code else out

    def end(self, *arguments: str, code: int = 0) -> tuple[str, str]:
        """Run one command and give what it printed on stdout and on stderr; fails as `run` does."""
        return self._end(self.start(*arguments), arguments, code)

    def sync(self, *arguments: str, code: int = 0) -> dict[str, Any]:
        """Run a sync and give its JSON document, whose sums are checked."""
        words = ("sync_orders", "--json", *arguments)
        out, _ = self._end(self.start(*words), words, code)
        document: dict[str, Any] = json.loads(out)
        check_sums(document["counts"])
        return document

    def _end(self, process: subprocess.Popen[str], words: tuple[str, ...], code: int) -> tuple[str, str]:
        out, err = process.communicate(timeout=180)
        assert "Traceback" not in err, err
        assert process.returncode == code, f"{words} ended with {process.returncode}:\n{out}\n{err}"
        return out, err

    def orders(self, statement: str, *values: object) -> list[tuple[Any, ...]]:
        """Ask or change the order table as its owner would."""
        with closing(sqlite3.connect(self.folder / "orders.sqlite3")) as database:
            rows = database.execute(statement, values).fetchall()
            database.commit()
        return rows

    def app(self, statement: str, *values: object) -> list[tuple[Any, ...]]:
        """Ask the app's own database."""
        with closing(sqlite3.connect(self.folder / "app.sqlite3")) as database:
            return database.execute(statement, values).fetchall()


def check_sums(c: dict[str, Any]) -> None:
    """Every row and every staged order is accounted for."""
    removed = c["removed"] or 0
    named = ("unchanged", "new", "changed", "waiting", "rekeyed", "invalid", "duplicate")
    assert c["read"] == sum(c[name] for name in named), c
    assert c["new"] + c["changed"] + removed == c["staged"] + c["deferred"], c
    assert c["staged"] == sum(c[n] for n in ("pending", "applied", "held", "rejected", "skipped", "unclear")), c
    assert c["applied"] == sum(c[n] for n in ("created", "updated", "removed_from_board", "restored")), c


@dataclass
class ServedBoard:
    """The local board behind the address, looked at through the real client."""

    address: str
    structure: BoardStructure

    def items(self) -> dict[str, dict[str, Any]]:
        """Every active item by the value of its UUID column: name, group, values, and sizes with quantities."""
        with closing(MondayClient(address=self.address, token=Token("looking"))) as client:
            structure = client.board(self.structure.id)
            groups = {group.id: group.title for group in structure.groups}
            columns = [c for c in structure.columns.values() if c.kind in PLAIN]
            lines = [c for c in structure.subitems.columns.values() if c.kind in PLAIN] if structure.subitems else []
            found: dict[str, dict[str, Any]] = {}
            for item in client.all_items(structure.id, columns=columns, subitem_columns=lines):
                values = {name: value for name, value in item.values.items() if value not in (None, [])}
                key = str(values.pop("text_record_uuid", item.id))
                assert key not in found, f"two items carry {key}"
                sizes = {line.name: line.values.get(QUANTITY) for line in item.subitems if line.state == "active"}
                assert len(sizes) == sum(line.state == "active" for line in item.subitems), "a size stands twice"
                found[key] = {"name": item.name, "group": groups[item.group_id], "values": values, "sizes": sizes}
            return found


def shipped_structure() -> BoardStructure:
    """The board that the shipped documents ask for."""
    document, _ = parse_board((SHIPPED / "board.yaml").read_text(encoding="utf-8"))
    assert document is not None
    return expected_structure(effective(document, None))


_migrated: list[Path] = []


def migrated(folder: Path) -> Typed:
    """A fresh installation in `folder`, migrated; the migrations themselves run once per process of the suite."""
    if not _migrated:
        first = Path(tempfile.mkdtemp(prefix="ordersite-migrated-"))
        atexit.register(shutil.rmtree, first, ignore_errors=True)
        Typed(first).run("migrate", "--verbosity", "0")
        _migrated.append(first)
    shutil.copy(_migrated[0] / "app.sqlite3", folder / "app.sqlite3")
    return Typed(folder)


@contextmanager
def served(folder: Path, **settings: Any) -> Iterator[tuple[Typed, ServedBoard]]:
    """A fresh installation, migrated, with a local board served over real HTTP."""
    store = SandboxStore(folder / "sandbox.sqlite3")
    with running(SandboxApp(store, settle_seconds=0.0, **settings)) as base:
        address = base.rstrip("/") + "/v2"
        migrated(folder)
        yield Typed(folder, address), ServedBoard(address, shipped_structure())
    store.close()


def wait_until(condition: Callable[[], object], seconds: float = 60) -> None:
    """Wait for something that another process does."""
    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until, "it did not happen in time"
        time.sleep(0.02)
