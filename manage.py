#!/usr/bin/env python
"""The command line: `python manage.py help` lists what there is."""

import os
import sys


def main() -> None:
    """Run one management command; what goes wrong in an expected way ends with one sentence and its exit code."""
    if sys.version_info < (3, 11):  # noqa: UP036  the old Python that this is for reads no pyproject.toml
        sys.exit(f"Ordersite needs Python 3.11 or later, and this is {sys.version_info[0]}.{sys.version_info[1]}.")
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "ordersite.settings")
    try:
        from ordersite.commandline import run
    except ModuleNotFoundError as problem:
        if problem.name != "django":
            raise
        sys.exit("Django is not installed here. Remedy: `make demo`, or `pip install -r requirements.txt`.")
    sys.exit(run(sys.argv))


if __name__ == "__main__":
    main()
