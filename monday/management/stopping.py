"""Which signal asked this process to end. A driver that blocks hears of it late, and may make another error of it; who
finds that error looks here, and the signal wins."""

from __future__ import annotations

from dataclasses import dataclass

STOPPED = "Stopped by a signal. Remedy: run it again to go on; nothing is lost."


@dataclass(slots=True)
class Asked:
    """The exit code of the signal that came, 128 and its number; 0 where none did."""

    code: int = 0


asked = Asked()
