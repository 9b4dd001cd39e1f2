"""Titles made of cells: `{customer} {CUSTOMER SEASON|AAG SEASON|'NO SEASON'}`.

Inside braces stand alternatives, and the first that is not empty is taken: a source column, a computed name or a text
in quotes. Text must be quoted so that a mistyped column is an error and not a title. `{{` and `}}` are plain braces.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass

ROW_NAMES = ("customer", "total")
LINE_NAMES = ("size", "quantity")
COMPUTED = ROW_NAMES + LINE_NAMES

Row = tuple[object, ...]
Reader = Callable[[Row], str]


class TemplateWrong(Exception):
    """A template that cannot be read, said for a person."""

    def __init__(self, message: str, remedy: str) -> None:
        super().__init__(message)
        self.message, self.remedy = message, remedy


@dataclass(frozen=True, slots=True)
class Name:
    """A source column, or a computed name."""

    text: str


Alternatives = tuple[Name | str, ...]


@dataclass(frozen=True, slots=True)
class Template:
    """A template read into parts: plain text, or alternatives of which the first filled one is taken."""

    parts: tuple[str | Alternatives, ...]

    def names(self) -> tuple[str, ...]:
        """Every column and computed name, in order."""
        return tuple(
            choice.text
            for part in self.parts
            if not isinstance(part, str)
            for choice in part
            if isinstance(choice, Name)
        )

    def columns(self) -> tuple[str, ...]:
        """The source columns, in order."""
        return tuple(name for name in self.names() if name not in COMPUTED)


def parse(text: str) -> Template:
    """The template in parts. Raises TemplateWrong for a brace or quotation mark left open, or an empty choice."""
    parts: list[str | Alternatives] = []
    plain, position = "", 0
    while position < len(text):
        pair = text[position : position + 2]
        if pair in ("{{", "}}"):
            plain, position = plain + pair[0], position + 2
        elif pair[0] == "}":
            raise TemplateWrong("has a } without a {", "Remove it, or write }} for a plain brace.")
        elif pair[0] == "{":
            alternatives, position = _alternatives(text, position + 1)
            parts += [plain, alternatives] if plain else [alternatives]
            plain = ""
        else:
            plain, position = plain + pair[0], position + 1
    return Template(tuple([*parts, plain] if plain else parts))


def _alternatives(text: str, position: int) -> tuple[Alternatives, int]:
    """The choices from just after a `{`, and the position after its `}`."""
    choices: list[Name | str] = []
    while True:
        start = len(text) - len(text[position:].lstrip(" "))
        if text[start : start + 1] in ("'", '"'):
            choice, position = _quoted(text, start)
            choices.append(choice)
        else:
            end = min((found for found in (text.find("|", start), text.find("}", start)) if found >= 0), default=-1)
            if end < 0:
                raise TemplateWrong("has a { that is not closed", "Add the } after the column's name.")
            name = text[start:end].strip()
            if not name or "{" in name:
                raise TemplateWrong(
                    "has braces without a column's name",
                    "Write a column's name, or a text in quotes, between the braces.",
                )
            choices.append(Name(name))
            position = end
        if text[position] == "}":
            return tuple(choices), position + 1
        position += 1


def _quoted(text: str, start: int) -> tuple[str, int]:
    """The text in quotes that starts here, and the position of the | or } after it."""
    quote, position, plain = text[start], start + 1, ""
    while True:
        end = text.find(quote, position)
        if end < 0:
            raise TemplateWrong(f"has a text whose {quote} is not closed", "Close the quotation mark.")
        plain += text[position:end]
        if text[end + 1 : end + 2] != quote:
            break
        plain, position = plain + quote, end + 2
    after = len(text) - len(text[end + 1 :].lstrip(" "))
    if text[after : after + 1] not in ("|", "}"):
        raise TemplateWrong("has something after a text in quotes", "Put | or } after the closing quotation mark.")
    return plain, after


def check(text: str, computed: Collection[str], *, columns: bool) -> None:
    """Raises TemplateWrong where the text is no template, or uses a name that does not exist in this place."""
    for name in parse(text).names():
        if name in computed or (columns and name not in COMPUTED):
            continue
        allowed = ", ".join(f"{{{each}}}" for each in computed)
        message = f"uses {{{name}}}, which is not known here"
        raise TemplateWrong(
            message, f"Use {allowed}{' or a source column' if columns else ''}, or put the text in quotes."
        )


def compiled(template: Template, reader: Callable[[str], str | Reader]) -> Reader:
    """A function from a row to the finished text, with runs of blanks made one.

    `reader` gives for a name either its value, where that is the same for every row, or a function from the row.
    """
    pieces: list[str | Reader] = []
    for part in template.parts:
        pieces.append(part if isinstance(part, str) else _first_filled(part, reader))

    def title(row: Row) -> str:
        return " ".join("".join([piece if isinstance(piece, str) else piece(row) for piece in pieces]).split())

    return title


def _first_filled(choices: Alternatives, reader: Callable[[str], str | Reader]) -> str | Reader:
    """One choice after another until one is filled; cut short at the first that is the same for every row."""
    readers: list[Reader] = []
    rest = ""
    for choice in choices:
        value = choice if isinstance(choice, str) else reader(choice.text)
        if isinstance(value, str):
            rest = value
            if rest:
                break
        else:
            readers.append(value)
    if not readers:
        return rest
    if len(readers) == 1 and not rest:
        return readers[0]

    def first(row: Row) -> str:
        for read in readers:
            text = read(row)
            if text:
                return text
        return rest

    return first


def line_name(template: str, size: str, quantity: int) -> str:
    """The name of a size line from the template of `LineShape.name`, which knows {size} and {quantity}."""
    values = {"size": size, "quantity": str(quantity)}
    return compiled(parse(template), values.__getitem__)(())
