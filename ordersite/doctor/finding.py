"""What the doctor found about one thing: well, odd or broken, and what to do about it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Status(StrEnum):
    OK = "ok"
    WARNING = "warning"
    PROBLEM = "problem"


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the examination; `remedy` is empty where nothing is to be done."""

    name: str
    status: Status
    message: str
    remedy: str = ""


def ok(name: str, message: str) -> Finding:
    """It is as it should be."""
    return Finding(name, Status.OK, message)


def warning(name: str, message: str, remedy: str) -> Finding:
    """It works, or was not looked at; somebody should know."""
    return Finding(name, Status.WARNING, message, remedy)


def problem(name: str, message: str, remedy: str) -> Finding:
    """It does not work."""
    return Finding(name, Status.PROBLEM, message, remedy)


def told(name: str, sentence: str, status: Status = Status.PROBLEM) -> Finding:
    """A finding from a sentence that brings its remedy along, as this project's errors do."""
    message, _, remedy = " ".join(sentence.split()).partition(" Remedy: ")
    return Finding(name, status, message, remedy)
