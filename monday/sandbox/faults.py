"""Faults on a script or at random with a seed.

A settings file (YAML or JSON) lists them::

    seed: 7
    faults:
      - {kind: gateway_after, at: [3]}            # the third request
      - {kind: drop_before, every: 10, on: create_item}
      - {kind: minute_limit, rate: 0.05, retry_after: 2}
    behaviour: {mutation_cost: 30000}
    limits: {window: 2, complexity: 500000}

Requests are numbered in the store, so several processes share one script, and the same seed gives the same faults.
"""

from __future__ import annotations

import random
import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import yaml

from .settings_file import OddSetting, checked

REFUSED = {
    "minute_limit": (429, "MINUTE_RATE_LIMIT_EXCEEDED", "Minute limit rate exceeded"),
    "concurrency_limit": (429, "maxConcurrencyExceeded", "Max concurrency exceeded"),
    "complexity_limit": (429, "COMPLEXITY_BUDGET_EXHAUSTED", "Complexity budget exhausted"),
    "daily_limit": (429, "DAILY_LIMIT_EXCEEDED", "Daily limit exceeded"),
    "ip_limit": (429, "IP_RATE_LIMIT_EXCEEDED", "Too many requests from this address"),
    "ingest_limit": (429, "RATE_LIMIT_EXCEEDED", "Rate limit exceeded"),
    "blocked": (200, "API_TEMPORARILY_BLOCKED", "The API is temporarily blocked, please try again later"),
    "call_limit": (429, "", "Call limit exceeded for CreateBoard"),
    "locked": (423, "ResourceLockedException", "Resource is currently locked, please try again later"),
    "server_error": (500, "INTERNAL_SERVER_ERROR", "Internal server error"),
    "legacy_error": (
        200,
        "ComplexityException",
        "Complexity budget exhausted, query cost 10001 budget remaining 0, reset in 5 seconds",
    ),
}
BEFORE = frozenset({*REFUSED, "gateway_before", "drop_before", "html"})
AFTER = frozenset({"gateway_after", "drop_after", "cut", "slow"})
IN_FIELDS = frozenset({"field_limit", "missing_alias", "skipped_alias"})
STRUCTURAL = frozenset({"label_deactivated", "column_deleted", "column_retyped"})
KINDS = BEFORE | AFTER | IN_FIELDS | STRUCTURAL


@dataclass(frozen=True, slots=True)
class Fault:
    """One line of the script. It strikes at request numbers, at every n-th, or at a rate; at most `times` times.

    `on` limits it to documents that name this field (`create_item`), or to `query` or `mutation`. `retry_after` is
    seconds, 0 for an answer that does not tell; `seconds` is how long a slow answer takes; `alias` is which of the
    request's operations, counted from 0, -1 for any. `code` and `message` put another spelling in a refusal's place.
    """

    kind: str = ""
    every: int = 0
    rate: float = 0.0
    times: int = 0
    on: str = ""
    status: int = 502
    retry_after: float = 1.0
    seconds: float = 90.0
    alias: int = -1
    board: str = ""
    column: str = ""
    label: str = ""
    column_type: str = "text"
    code: str = ""
    message: str = ""
    at: tuple[int, ...] = ()

    @classmethod
    def from_mapping(cls, given: Mapping[Any, Any]) -> Fault:
        """The fault as a person wrote it; raises OddSetting."""
        # YAML reads the bare word `on` as yes.
        rest = {"on" if name is True else name: value for name, value in given.items() if name != "at"}
        types = {field.name: type(field.default) for field in fields(cls) if field.name != "at"}
        for name in ("board", "column", "label"):
            if isinstance(rest.get(name), int):
                rest[name] = str(rest[name])
        settings = checked(rest, types, "faults")
        if settings.get("kind") not in KINDS:
            raise OddSetting(
                f"faults: there is no kind {settings.get('kind')!r}. Remedy: use one of {', '.join(sorted(KINDS))}."
            )
        if settings.get("rate", 0.0) > 1:
            raise OddSetting("faults: `rate` is the share of requests that are struck. Remedy: write 0.1 for a tenth.")
        at = given.get("at", [])
        if not isinstance(at, list) or not all(isinstance(n, int) for n in at):
            raise OddSetting("faults: `at` must be a list of request numbers. Remedy: write it like [3, 7].")
        if not at and not settings.get("every") and not settings.get("rate"):
            raise OddSetting(f"faults: {settings['kind']} never strikes. Remedy: give it `at`, `every` or `rate`.")
        return cls(**settings, at=tuple(at))


@dataclass(frozen=True, slots=True)
class FaultScript:
    """The faults in their order; the first that strikes a request is the one that happens to it."""

    faults: Sequence[Fault] = ()
    seed: int = 0

    def striking(self, db: sqlite3.Connection, number: int, names: Sequence[str]) -> Fault | None:
        """The fault for request `number`, whose kind and fields are `names`; counted in the caller's transaction."""
        for place, fault in enumerate(self.faults):
            if fault.on and fault.on not in names:
                continue
            if not self._strikes(fault, place, number):
                continue
            key = f"fault:{place}"
            row = db.execute("SELECT used FROM counters WHERE name = ?", (key,)).fetchone()
            struck = int(row[0]) if row else 0
            if fault.times and struck >= fault.times:
                continue
            db.execute("INSERT OR REPLACE INTO counters VALUES (?, 0, ?)", (key, struck + 1))
            return fault
        return None

    def _strikes(self, fault: Fault, place: int, number: int) -> bool:
        if number in fault.at or (fault.every and number % fault.every == 0):
            return True
        return bool(fault.rate) and self.chance(place, number) < fault.rate

    def chance(self, place: int, number: int) -> float:
        """A number from 0 to 1 that depends on seed, fault and request only."""
        return random.Random(f"{self.seed}:{place}:{number}").random()  # noqa: S311  a rehearsal's dice, no secret


@dataclass(frozen=True, slots=True)
class SettingsFile:
    """What a settings file holds; `behaviour` and `limits` are checked where they are used."""

    script: FaultScript
    behaviour: Mapping[str, Any]
    limits: Mapping[str, Any]


def read(path: str | Path) -> SettingsFile:
    """Reads a settings file; raises OddSetting with one sentence and the remedy."""
    try:
        data = yaml.safe_load(Path(path).read_text(encoding="utf-8")) or {}
    except (OSError, UnicodeDecodeError) as problem:
        raise OddSetting(
            f"{path} cannot be read ({type(problem).__name__}). Remedy: check the path and its rights."
        ) from None
    except yaml.YAMLError:
        raise OddSetting(f"{path} is neither YAML nor JSON. Remedy: correct its syntax.") from None
    return from_data(data)


def from_data(data: Any) -> SettingsFile:
    """The settings from a decoded file, or from a bare list of faults; raises OddSetting."""
    if isinstance(data, list):
        data = {"faults": data}
    if not isinstance(data, Mapping) or set(data) - {"seed", "faults", "behaviour", "limits"}:
        raise OddSetting("The file may hold seed, faults, behaviour and limits. Remedy: remove what else stands in it.")
    faults, seed = data.get("faults") or [], data.get("seed", 0)
    if not isinstance(faults, list) or not all(isinstance(one, Mapping) for one in faults) or not isinstance(seed, int):
        raise OddSetting("`faults` is a list of entries and `seed` a number. Remedy: correct them.")
    script = FaultScript([Fault.from_mapping(one) for one in faults], seed)
    parts = [data.get(name) or {} for name in ("behaviour", "limits")]
    if not all(isinstance(part, Mapping) for part in parts):
        raise OddSetting("`behaviour` and `limits` hold settings by name. Remedy: correct them.")
    return SettingsFile(script, *parts)
