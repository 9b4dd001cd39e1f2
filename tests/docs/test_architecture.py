"""ARCHITECTURE is true: its tables are the code's, and what it names is there."""

from __future__ import annotations

import re
import tomllib

from staging.core import counts

from . import pasted


def architecture() -> str:
    return pasted.ARCHITECTURE.read_text(encoding="utf-8")


def test_the_lifecycle_tables_are_those_of_the_code():
    found = list(pasted.tables(architecture()))
    assert [name for name, _, _ in found] == ["batch", "order"]
    for name, stands, code in found:
        assert stands == code, f"The table of {name} is out of date. Remedy: python -m tests.docs.pasted"


def test_the_sums_are_those_that_are_checked():
    broken = counts.Counts(read=1, new=2, staged=4, applied=8).problems()
    sums = [sentence.split(":")[0] for sentence in broken]
    assert len(sums) == 4
    for words in sums:
        assert words in architecture()


def test_every_dependency_has_its_reason():
    ours = (pasted.TOP / "requirements.txt").read_text(encoding="utf-8").split("# What these bring along.")[0]
    needed = re.findall(r"^([A-Za-z0-9_.-]+)(?:\[\w+\])?==", ours, re.MULTILINE)
    table = re.findall(r"^\| ([\w.-]+) \| (.+) \|$", pasted.section(architecture(), "Dependencies"), re.MULTILINE)
    reasons = dict(table)
    assert {name for name in reasons if name not in ("package", "---")} == set(needed)
    assert all(len(reasons[name]) > 20 for name in needed)


def test_the_rooms_are_those_that_are_enforced():
    contracts = tomllib.loads((pasted.TOP / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["importlinter"]
    text = pasted.section(architecture(), "Rooms")
    for contract in contracts["contracts"]:
        assert contract["name"] in text, contract["name"]


def test_every_file_and_test_that_is_named_exists():
    text = architecture()
    for path in set(re.findall(r"`((?:ordersite|staging|mapping|monday|tests)/[\w/.]+)`", text)):
        assert (pasted.TOP / path).exists(), path
    for path, names in re.findall(r"`(tests/[\w/]+\.py)`((?: `test_\w+`)*)", text):
        source = (pasted.TOP / path).read_text(encoding="utf-8")
        for name in re.findall(r"test_\w+", names):
            assert f"def {name}(" in source, f"{path} {name}"
