"""README is true: its commands run, print what it shows, and it names exactly the settings that there are."""

from __future__ import annotations

import re
import shlex

import pytest
from django.core.management import get_commands, load_command_class
from django.core.management.base import BaseCommand, CommandError

from tests import settings as test_settings
from tests.test_project import shell_lines

from . import pasted


def readme() -> str:
    return pasted.README.read_text(encoding="utf-8")


def manage_lines(document: str) -> list[list[str]]:
    """The arguments of every `manage.py` line, those of the command table and of the PowerShell lines included."""
    powershell = "".join(re.findall(r"```powershell\n(.*?)```", document, re.DOTALL)).splitlines()
    lines = [re.split(r"manage\.py +", line)[1] for line in shell_lines(document) + powershell if "manage.py" in line]
    table = re.findall(r"^\| `(\w+)` \| .* \| `([^`]+)` \|$", pasted.section(document, "Commands"), re.MULTILINE)
    assert table and all(example.startswith(name) for name, example in table)
    return [shlex.split(line.replace("\\", "/")) for line in (*lines, *(example for _, example in table))]


@pytest.mark.parametrize("words", manage_lines(readme()), ids=" ".join)
def test_every_command_line_is_one_that_the_command_takes(words: list[str]):
    name, *arguments = words
    command = load_command_class(get_commands()[name], name)
    try:
        command.create_parser("manage.py", name).parse_args(arguments)
    except (SystemExit, CommandError) as refused:
        pytest.fail(f"{name} {arguments}: {refused}")


def test_the_command_table_names_every_command_of_ours_that_a_person_types():
    ours = {name for name, app in get_commands().items() if app in ("ordersite", "staging", "mapping", "monday")}
    named = set(re.findall(r"^\| `(\w+)` \| .* \| `[^`]+` \|$", pasted.section(readme(), "Commands"), re.MULTILINE))
    assert named == ours - {"qcluster"}, "the queue's own is started by `worker` and `serve`"


def test_commands_have_a_help_text():
    for name, app in get_commands().items():
        if app in ("ordersite", "staging", "mapping", "monday"):
            command: BaseCommand = load_command_class(app, name)
            assert command.help, name


def test_the_settings_table_names_exactly_the_variables_that_are_read():
    named = re.findall(r"^\| `([A-Z_]+)`( \*)? \|", pasted.section(readme(), "Settings"), re.MULTILINE)
    assert sorted(name for name, _ in named) == sorted(test_settings.OURS)
    settings = (pasted.TOP / "ordersite/settings.py").read_text(encoding="utf-8")
    secrets = set(re.findall(r'(?:env\.secret|\bdatabase)\(\s*"([A-Z_]+)"', settings))
    assert {name for name, mark in named if mark} == secrets


def test_the_tour_runs_as_it_stands_and_prints_what_is_shown():
    shown, made = pasted.shown(readme()), pasted.made()
    assert len(shown) == len(made) > 0
    for before, now in zip(shown, made, strict=True):
        assert pasted.alike(before) == pasted.alike(now), "Remedy: python -m tests.docs.pasted"


def test_output_is_compared_without_times_and_names():
    one = "detect  3 read   0.2 s\n  2026-01-02 03:04:05 UTC  cli:anna: batch open"
    two = "detect  3 read   1.7 s\n  2026-11-22 23:59:59 UTC  cli:b-2.x: batch open"
    assert pasted.alike(one) == pasted.alike(two) != pasted.alike(two.replace("3 read", "4 read"))


@pytest.mark.parametrize("name", ["README.md", "ARCHITECTURE.md", "CHANGELOG.md"])
def test_a_document_speaks_of_the_project_alone(name: str):
    text = re.sub(r"```.*?```", "", (pasted.TOP / name).read_text(encoding="utf-8"), flags=re.DOTALL)
    assert not re.search(r"\bissues? \d|#\d{1,3}\b", text, re.IGNORECASE)


def test_links_inside_the_documents_lead_somewhere():
    for path in (pasted.README, pasted.ARCHITECTURE, pasted.TOP / "CHANGELOG.md"):
        text = path.read_text(encoding="utf-8")
        headings = {
            re.sub(r"[^\w -]", "", found.lower()).replace(" ", "-") for found in re.findall(r"^#+ (.*)", text, re.M)
        }
        for target in re.findall(r"\]\((?!https?:)([^)]+)\)", text):
            file, _, anchor = target.partition("#")
            assert not file or (pasted.TOP / file).exists(), target
            assert not anchor or file or anchor in headings, target
