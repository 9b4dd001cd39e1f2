"""Checks what a person wrote into the sandbox's settings file against the settings there are."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

LEAST = {"alias": -1}  # -1: one at random


class OddSetting(ValueError):
    """A setting that is unknown or of the wrong type; the message is one sentence with the remedy."""


def checked(given: Mapping[str, Any], types: Mapping[str, type], where: str) -> dict[str, Any]:
    """The settings, numbers converted; raises OddSetting."""
    result: dict[str, Any] = {}
    for name, value in given.items():
        kind = types.get(name)
        if kind is None:
            raise OddSetting(f"{where}: there is no setting {name!r}. Remedy: use one of {', '.join(sorted(types))}.")
        if kind is float and isinstance(value, int) and not isinstance(value, bool):
            value = float(value)
        if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
            raise OddSetting(f"{where}: {name} must be a {kind.__name__}, not {value!r}. Remedy: correct the value.")
        if isinstance(value, int | float) and value < LEAST.get(name, 0):
            raise OddSetting(f"{where}: {name} must not be negative, as {value!r} is. Remedy: give 0 or more.")
        result[name] = value
    return result
