"""What the documents show of the program: output of README's commands, and tables made from the code.

`python -m tests.docs.pasted` writes both anew; the tests beside this file say when that is due. A place for output
follows the `sh` block that it belongs to, between `<!-- output: NAME -->` and `<!-- end -->`.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

from staging.core.lifecycle import BATCH, ORDER, table
from tests import settings as test_settings
from tests.test_project import shell_lines

TOP = Path(__file__).resolve().parents[2]
README, ARCHITECTURE = TOP / "README.md", TOP / "ARCHITECTURE.md"
RUN = ("Five minutes", "Your own list")
"""The sections whose commands run one after the other on a fresh installation, as a reader would type them."""

PLACE = re.compile(r"(<!-- output: \w+ -->\n)(.*?)(<!-- end -->)", re.DOTALL)
TABLE = re.compile(r"(<!-- table: (\w+) -->\n)(.*?)(<!-- end -->)", re.DOTALL)
TABLES = {"batch": BATCH, "order": ORDER}
# What differs from run to run and from machine to machine.
VARIES = (
    (re.compile(r" +\d+\.\d s$", re.MULTILINE), ""),
    (re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC"), "(time)"),
    (re.compile(r"cli:[\w.-]+"), "cli:anna"),
)


def section(document: str, title: str) -> str:
    """The text under a heading of the second level."""
    found = re.search(rf"^## {re.escape(title)}\n(.*?)(?=^## |\Z)", document, re.MULTILINE | re.DOTALL)
    assert found, f"There is no section {title!r}."
    return found.group(1)


def alike(output: str) -> str:
    """The output without what may differ from one run to the next."""
    for pattern, instead in VARIES:
        output = pattern.sub(instead, output)
    return output.strip()


def shown(document: str) -> list[str]:
    """What stands in the places for output, without fences."""
    return [re.sub(r"^```\w*\n|^```$", "", found[1], flags=re.MULTILINE).strip() for found in PLACE.findall(document)]


@dataclass(frozen=True, slots=True)
class Typed:
    """One line that a reader types: the folder that holds then, the words after `manage.py`, the place that shows it.

    `says` is for a line that only prints; a `quiet` one sends its output elsewhere.
    """

    folder: str
    words: tuple[str, ...]
    place: int | None
    says: str = ""
    quiet: bool = False


def typed() -> list[Typed]:
    """README's lines to run, in their order; of several blocks before a place it shows the last."""
    document, lines, places, folder = README.read_text(encoding="utf-8"), [], 0, "var"
    for title in RUN:
        for piece, place in re.findall(r"(.*?)(<!-- output: \w+ -->|\Z)", section(document, title), re.DOTALL):
            shown_from = piece.rindex("```sh") if place else len(piece)
            for block, number in ((piece[:shown_from], None), (piece[shown_from:], places)):
                for line in shell_lines(block):
                    words = shlex.split(line)
                    if words[0] in ("export", "unset"):
                        folder = words[1].partition("=")[2] or "var"
                    elif words[:2] == ["make", "demo"]:
                        lines += _demo(folder, number)
                    else:
                        assert words[:2] == ["python", "manage.py"], f"Nobody knows how to run {line!r}."
                        lines.append(Typed(folder, tuple(words[2:]), number))
            places += bool(place)
    return lines


def _demo(folder: str, place: int | None) -> Iterator[Typed]:
    """The lines of the Makefile's demo, without the installing."""
    recipe = (TOP / "Makefile").read_text(encoding="utf-8").split("\ndemo:")[1].split("\n\n")[0]
    for line in recipe.replace("$(VAR_DIR)", folder).splitlines():
        command, _, redirected = line.partition(" > ")
        if "$(MANAGE) " in command:
            yield Typed(folder, tuple(command.split("$(MANAGE) ")[1].split()), place, quiet=bool(redirected))
        elif "@echo " in command:
            yield Typed(folder, (), place, says=command.split("@echo ")[1] + "\n")


def made() -> list[str]:
    """What the lines before the places for output print now, one text a place. Fails where a line fails."""
    outputs: dict[int, str] = {}
    with tempfile.TemporaryDirectory(prefix="ordersite-docs-") as home:
        for folder, group in groupby(typed(), key=lambda line: line.folder):
            lines = list(group)
            for line, printed in zip(lines, _run(Path(home), folder, lines), strict=True):
                if line.place is not None and not line.quiet:
                    outputs[line.place] = outputs.get(line.place, "") + line.says + printed
    return [outputs[place].strip() for place in sorted(outputs)]


# One process for all lines of a folder: starting one for each would take longer than all that they do.
PROGRAM = """
import json, sys
from ordersite.commandline import run
for words in json.loads(sys.argv[1]):
    code = run(["manage.py", *words]) if words else 0
    if code:
        sys.exit(f"{words} ended with {code}")
    print(end="\\0", flush=True)
"""


def _run(home: Path, folder: str, lines: list[Typed]) -> list[str]:
    """What each of these lines prints, with the folder `var` at home."""
    (home / folder).mkdir(parents=True, exist_ok=True)
    words = [[str(home / word) if word.startswith("var/") else word for word in line.words] for line in lines]
    kept = {name: value for name, value in os.environ.items() if name not in test_settings.OURS}
    ours = {"ORDERSITE_TESTING": "0", "VAR_DIR": str(home / folder), "DJANGO_SETTINGS_MODULE": "ordersite.settings"}
    outcome = subprocess.run(
        [sys.executable, "-c", PROGRAM, json.dumps(words)],
        cwd=TOP,
        env={**kept, **ours, "PYTHONIOENCODING": "utf-8"},
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=300,
    )
    assert outcome.returncode == 0, outcome.stdout + outcome.stderr
    return outcome.stdout.replace(f"{home}{os.sep}", "").split("\0")[:-1]


def tables(document: str) -> Iterator[tuple[str, str, str]]:
    """Name, text as it stands and text as the code has it, for each place for a table."""
    for _, name, text, _ in TABLE.findall(document):
        yield name, text.strip(), table(TABLES[name])


def write() -> None:
    """Bring README's output and ARCHITECTURE's tables up to date."""
    document = ARCHITECTURE.read_text(encoding="utf-8")
    fresh = TABLE.sub(lambda found: f"{found[1]}{table(TABLES[found[2]])}\n{found[4]}", document)
    ARCHITECTURE.write_text(fresh, encoding="utf-8")
    outputs = iter(made())
    document = README.read_text(encoding="utf-8")
    fresh = PLACE.sub(lambda found: f"{found[1]}```text\n{_told(next(outputs))}\n```\n{found[3]}", document)
    README.write_text(fresh, encoding="utf-8")


def _told(output: str) -> str:
    """As printed, but for the name of whoever ran it."""
    return re.sub(r"cli:[\w.-]+", "cli:anna", "\n".join(line.rstrip() for line in output.splitlines()))


if __name__ == "__main__":
    write()
