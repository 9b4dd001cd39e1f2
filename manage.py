#!/usr/bin/env python
"""The command line: `python manage.py help` lists what there is."""

import os
import signal
import sys


def main() -> None:
    """Run one management command; what goes wrong in an expected way ends with one sentence and its exit code."""
    if sys.version_info < (3, 11):  # noqa: UP036  the old Python that this is for reads no pyproject.toml
        sys.exit(f"Ordersite needs Python 3.11 or later, and this is {sys.version_info[0]}.{sys.version_info[1]}.")
    former = {number: signal.signal(number, _stopped) for number in (signal.SIGINT, signal.SIGTERM)}
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "ordersite.settings")
    try:
        from ordersite.commandline import run
    except ModuleNotFoundError as problem:
        if problem.name != "django":
            raise
        sys.exit("Django is not installed here. Remedy: `make demo`, or `pip install -r requirements.txt`.")
    for number, handler in former.items():
        signal.signal(number, handler)
    sys.exit(run(sys.argv))


def _stopped(number: int, frame: object) -> None:
    """A signal came while the program was loaded, which is no time for a traceback; `commandline` takes over then."""
    os.write(2, b"Stopped by a signal before anything was done. Remedy: run the same command again.\n")
    os._exit(128 + number)


if __name__ == "__main__":
    main()
