"""A process of its own that pushes N orders to a served board: `python -m tests.contracts.pushing N WHO`.

The board's address comes in PUSH_TO, the database that holds the shared budget in DATABASE_URL.
"""

from __future__ import annotations

import os
import sys


def main() -> None:
    import django

    django.setup()
    from monday.budgets import SharedBudget
    from monday.core.calls import Call

    from .test_limits_pace import create, pusher

    calls: list[Call] = []
    address = os.environ["PUSH_TO"]
    with pusher(address, calls, SharedBudget(address=f"{address}/v2")) as client:
        create(client, int(sys.argv[1]), sys.argv[2])


if __name__ == "__main__":
    main()
