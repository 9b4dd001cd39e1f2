"""The moments at which a process dies or somebody comes between: every few in each run, all of them in a long one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest


def moments(of: Sequence[int], every: int) -> list[Any]:
    """Arguments for `parametrize`: every so many of these moments as they are, the others marked `long`."""
    rest = pytest.mark.long
    return [moment if at % every == 0 else pytest.param(moment, marks=rest) for at, moment in enumerate(of)]
