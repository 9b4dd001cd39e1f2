"""The project's files: pins, sizes, names, and the commands that its documents tell a reader to type."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.core.management import get_commands

TOP = Path(__file__).resolve().parent.parent
PACKAGES = ("ordersite", "staging", "mapping", "monday")
LONGEST = 400  # lines; a longer file is more than one room
SAYS_NOTHING = {"utils", "helpers", "common", "services", "managers", "base", "misc"}
# Spelled so that this list does not find itself.
UNFINISHED = re.compile(
    r"\b(?:TO[D]O|FIX[M]E|XX[X]|HA[C]K|NotImplemented[E]rror|lorem [i]psum)\b|(?<![\w.])/(?:work|roo[t])/"
)
TEXTS = {
    ".py",
    ".md",
    ".toml",
    ".txt",
    ".yaml",
    ".yml",
    ".json",
    ".html",
    ".css",
    ".js",
    ".mjs",
    ".graphql",
    ".example",
    ".ini",
}
FIRST_FOLDERS = (*PACKAGES, "tests", ".ci", ".vscode", "docs", "deploy")


def sources() -> Iterator[Path]:
    for package in PACKAGES:
        for path in (TOP / package).rglob("*.py"):
            if "migrations" not in path.parts:
                yield path


def texts() -> Iterator[Path]:
    """Every text file that belongs to the project; vendored assets, installed packages and data are none of it."""
    yield from (path for path in TOP.iterdir() if path.is_file() and (path.suffix in TEXTS or path.name == "Makefile"))
    for folder in FIRST_FOLDERS:
        for path in (TOP / folder).rglob("*"):
            if (
                path.is_file()
                and (path.suffix in TEXTS or folder == ".ci")
                and not {"vendor", "node_modules"} & set(path.parts)
            ):
                yield path


def shell_lines(document: str) -> list[str]:
    """The commands in a document's ```sh and ```console blocks, one a line, without prompts, comments and output.

    In a `console` block only the lines after a `$` are commands; a trailing backslash joins lines.
    """
    commands: list[str] = []
    for kind, block in re.findall(r"^ *```(sh|console)\n(.*?)^ *```", document, re.MULTILINE | re.DOTALL):
        for raw in re.sub(r"\\\n\s*", "", block).splitlines():
            line = raw.strip()
            if kind == "console" and not line.startswith("$ "):
                continue
            command = re.sub(r"\s+#.*$", "", line.removeprefix("$ "))
            if command and not command.startswith("#"):
                commands.append(command)
    return commands


def unknown_commands(document: str) -> list[str]:
    """The `make` and `manage.py` lines of a document that name a target or a command that there is not."""
    targets = set(re.findall(r"^([a-z]+):", (TOP / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    known = set(get_commands())
    unknown = []
    for line in shell_lines(document):
        wrong = {
            word for call in re.findall(r"\bmake((?: +[\w=.-]+)*)", line) for word in call.split() if "=" not in word
        }
        missing = {name for name in re.findall(r"manage\.py +([a-z]\w*)", line) if name not in known}
        if (line.startswith("make") and wrong - targets) or missing:
            unknown.append(line)
    return unknown


@pytest.mark.parametrize("name", ["requirements.txt", "requirements-dev.txt"])
def test_every_requirement_is_pinned_exactly(name: str):
    lines = [line.split("#")[0].strip() for line in (TOP / name).read_text(encoding="utf-8").splitlines()]
    pins = [line for line in lines if line and not line.startswith("-r ")]
    assert pins
    loose = [pin for pin in pins if not re.fullmatch(r"[A-Za-z0-9._-]+(\[[a-z,]+\])?==[0-9][0-9A-Za-z.]*", pin)]
    assert not loose
    names = [re.split(r"[\[=]", pin.lower())[0] for pin in pins]
    assert len(names) == len(set(names))


def test_the_editors_file_was_made_of_what_is_pinned_and_carries_its_licences():
    made = (TOP / "ordersite/static/ordersite/vendor/codemirror-6.min.js").read_text(encoding="utf-8")
    digest = hashlib.sha256()
    for name in ("package-lock.json", "codemirror.mjs", "build.mjs"):
        digest.update((TOP / "editor" / name).read_bytes())
    assert made.startswith(f"/*! made from {digest.hexdigest()}"), "Remedy: make editor"
    pins = json.loads((TOP / "editor/package.json").read_text(encoding="utf-8"))
    for package, version in {**pins["dependencies"], **pins["devDependencies"]}.items():
        assert re.fullmatch(r"[0-9]+\.[0-9]+\.[0-9]+", version), package
    assert "@codemirror/view " + pins["dependencies"]["@codemirror/view"] in made and "MIT License" in made
    assert not re.search(r"\beval\(|new Function", made)


def test_no_source_file_is_more_than_one_room():
    long = {
        str(path.relative_to(TOP)): lines
        for path in sources()
        if (lines := len(path.read_text().splitlines())) > LONGEST
    }
    assert not long


def test_every_source_file_has_a_name_that_says_what_lives_there():
    assert not [str(path.relative_to(TOP)) for path in sources() if path.stem in SAYS_NOTHING]


def test_nothing_is_left_unfinished_or_tied_to_one_machine():
    found = [
        f"{path.relative_to(TOP)}:{number} {line.strip()[:80]}"
        for path in texts()
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        if UNFINISHED.search(line)
    ]
    assert not found


def test_the_search_for_unfinished_work_finds_it():
    for text in ("# TO" + "DO later", "see /wor" + "k/main/x", "raise NotImplemented" + "Error"):
        assert UNFINISHED.search(text)
    for text in ("https://example.com/work/", "workers", "var/work/x"):
        assert not UNFINISHED.search(text)


def test_commands_are_read_from_a_document():
    document = (
        "Text\n```sh\n# a comment\nmake demo   # ninety seconds\npython manage.py sync_orders \\\n    --limit 10\n```\n"
        "```console\n$ make test\n12 passed\n```\n```yaml\nmake: no\n```\n"
    )
    assert shell_lines(document) == ["make demo", "python manage.py sync_orders --limit 10", "make test"]


def test_a_command_that_there_is_not_is_noticed():
    document = "```sh\nmake demo\nmake PYTHON=python3.12 dmeo\npython manage.py migrate\npython manage.py migrat\n```\n"
    assert unknown_commands(document) == ["make PYTHON=python3.12 dmeo", "python manage.py migrat"]


@pytest.mark.parametrize("name", ["README.md", "ARCHITECTURE.md", "CHANGELOG.md"])
def test_a_document_names_only_commands_that_exist(name: str):
    path = TOP / name
    if not path.exists():
        pytest.skip(f"{name} is not written yet")
    assert not unknown_commands(path.read_text(encoding="utf-8"))
