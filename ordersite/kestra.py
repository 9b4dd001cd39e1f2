"""What `sync_orders --json` printed, as one line that the Kestra orchestrator takes for a task's outputs.

Called as `python -m ordersite.kestra EXIT_CODE < document`. Kestra reads `::{"outputs": {...}}::` from a task's output
(kestra.io, "Outputs and metrics from script tasks"). Uses no Django, so that it also tells of a broken installation.
"""

from __future__ import annotations

import json
import sys
from typing import Any, TextIO

NOTHING_SAID = "It said nothing. Remedy: look at the lines above, or run the command by hand."


def outputs(code: int, text: str) -> dict[str, Any]:
    """The counts, the state and one sentence; what is no document is quoted as far as it goes."""
    try:
        document = json.loads(text)
    except ValueError:
        document = None
    if not isinstance(document, dict):
        said = " ".join(text.split())[:300]
        return {"exit_code": code, "status": "unknown", "sentence": said or NOTHING_SAID}
    counts = {name: number for name, number in (document.get("counts") or {}).items() if number is not None}
    status = str(document.get("status") or "unknown")
    return {
        "exit_code": code,
        "status": status,
        "run_id": document.get("run_id"),
        "sentence": str(document.get("error") or f"Run {document.get('run_id')}: {status.replace('_', ' ')}."),
        "api_calls": (document.get("api") or {}).get("calls"),
        **counts,
    }


def main(arguments: list[str], given: TextIO, shown: TextIO) -> int:
    """Print the line; exit code 2 where the first argument is no exit code."""
    if len(arguments) != 1 or not arguments[0].isascii() or not arguments[0].isdigit():
        shown.write("Usage: python -m ordersite.kestra EXIT_CODE < document\n")
        return 2
    line = json.dumps({"outputs": outputs(int(arguments[0]), given.read())}, ensure_ascii=True)
    shown.write(f"::{line}::\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], sys.stdin, sys.stdout))
