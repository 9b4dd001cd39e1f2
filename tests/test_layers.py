"""The rooms and the doors between them, as pyproject.toml draws them for import-linter."""

from __future__ import annotations

import ast
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

TOP = Path(__file__).resolve().parent.parent
PACKAGES = ("ordersite", "staging", "mapping", "monday")
CLOCK_CALLS = {"now", "utcnow", "today"}

# One intruder for each contract, named by the contract that must notice it.
INTRUDERS = {
    "Imports run one way between the apps": ("mapping/core/intruder.py", "import staging.core.lifecycle\n"),
    "The cores are pure": ("staging/core/intruder.py", "def later():\n    from django.utils import timezone\n"),
    "The rooms of staging": ("staging/utils.py", ""),
    "The rooms of mapping": ("mapping/helpers.py", ""),
    "The rooms of monday": ("monday/common.py", ""),
    "The local board knows the API by its documentation and nothing of our client": (
        "monday/sandbox/intruder.py",
        "from monday.core import columns\n",
    ),
    "HTTP is spoken by the client, its local stand-in and the webhooks alone": (
        "staging/source/intruder.py",
        "import requests\n",
    ),
    "Use cases do not import each other in circles": (
        "staging/models/__init__.py",
        "from staging import source\nfrom staging.source import intruder\n",
    ),
}


def lint_imports(folder: Path) -> subprocess.CompletedProcess[str]:
    program = "import sys; sys.path.insert(0, ''); from importlinter.cli import lint_imports; "
    program += "sys.exit(lint_imports(cache_dir=None, no_cache=True))"
    return subprocess.run([sys.executable, "-c", program], cwd=folder, capture_output=True, text=True, timeout=120)


def test_every_import_goes_through_a_door():
    outcome = lint_imports(TOP)
    assert outcome.returncode == 0, outcome.stdout + outcome.stderr


def test_the_contracts_notice_an_intruder_in_every_room(tmp_path: Path):
    shutil.copy(TOP / "pyproject.toml", tmp_path)
    for package in PACKAGES:
        shutil.copytree(TOP / package, tmp_path / package, ignore=shutil.ignore_patterns("__pycache__"))
    for path, text in INTRUDERS.values():
        with (tmp_path / path).open("a", encoding="utf-8") as file:
            file.write(text)
    with (tmp_path / "staging/source/intruder.py").open("a", encoding="utf-8") as file:
        file.write("import staging.models\n")
    outcome = lint_imports(tmp_path)
    assert outcome.returncode == 1, outcome.stdout + outcome.stderr
    broken = set(re.findall(r"^(.*) BROKEN\b", outcome.stdout, re.MULTILINE))
    assert broken == set(INTRUDERS), outcome.stdout


@pytest.mark.parametrize("package", PACKAGES[1:])
def test_no_core_looks_at_a_clock(package: str):
    calls = [
        f"{path.relative_to(TOP)}:{node.lineno}"
        for path in sorted((TOP / package / "core").rglob("*.py"))
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in CLOCK_CALLS
    ]
    assert not calls, f"time is passed in, not read: {calls}"
