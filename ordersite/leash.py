"""A child of `serve` on its leash: it ends when the process that started it is gone, also by SIGKILL.

Called as `python -m ordersite.leash waitress|manage ARGUMENTS`. Standard input is a pipe whose other end only the
parent holds. The system closes it with the parent, on every platform and without polling.
"""

from __future__ import annotations

import os
import runpy
import signal
import sys
import threading
import time
from contextlib import suppress

FAREWELL = 15.0  # seconds to end the piece in hand after the parent is gone


def main() -> None:
    """Run the program named first with the other words, and watch the parent meanwhile."""
    program, *words = sys.argv[1:]
    threading.Thread(target=_watch, daemon=True, name="leash").start()
    sys.argv = [program, *words]
    if program == "waitress":
        runpy.run_module("waitress", run_name="__main__", alter_sys=True)
        return
    runpy.run_path("manage.py", run_name="__main__")


def _watch() -> None:
    """Wait for the pipe's end; then ask this process to end, and after a while kill it with all it started."""
    # Not through sys.stdin: its lock would be held when the workers are forked, and they close it.
    with suppress(OSError):
        while os.read(0, 1):
            pass
    os.kill(os.getpid(), signal.SIGINT if os.name == "posix" else signal.SIGTERM)
    time.sleep(FAREWELL)
    if os.name == "posix":
        os.killpg(os.getpgrp(), signal.SIGKILL)
    os._exit(1)


if __name__ == "__main__":
    main()
