"""Whether the workers of this host are asked to end: said by the leader of their cluster, seen by all of them.

One byte of memory that forked processes share. Where they are spawned instead (Windows) none sees it, and a stopped
worker is killed, as that system does anyway.
"""

from __future__ import annotations

import mmap

_asked = mmap.mmap(-1, 1)


def ask(*, yes: bool = True) -> None:
    """Ask the processes that this one forked, or will fork, to give back what they work on after the piece in hand."""
    _asked[0] = yes


def asked() -> bool:
    """Whether somebody asked."""
    return bool(_asked[0])
