"""Settings from the environment, refused clearly where they are odd.

Each reader takes the variable's name and a default. A secret `NAME` may also be given as `NAME_FILE`, the path of a
file that holds it. A message names the variable and what is allowed, and never shows a secret's value.
"""

from __future__ import annotations

import os
from pathlib import Path

from django.core.exceptions import ImproperlyConfigured

TRUE, FALSE = {"1", "true", "yes", "on"}, {"0", "false", "no", "off", ""}


def text(name: str, default: str = "") -> str:
    """The variable, trimmed; the default where it is unset."""
    return os.environ.get(name, default).strip()


def flag(name: str, default: bool) -> bool:
    """A yes or a no; raises ImproperlyConfigured for any other word."""
    word = text(name, "1" if default else "0").lower()
    if word in TRUE or word in FALSE:
        return word in TRUE
    raise ImproperlyConfigured(f"{name} must be yes or no, not {word!r}.")


def number(name: str, default: float, *, at_least: float = 0, at_most: float = 1e9) -> float:
    """A number within bounds; raises ImproperlyConfigured otherwise."""
    word = text(name, str(default))
    try:
        value = float(word)
    except ValueError:
        raise ImproperlyConfigured(f"{name} must be a number, not {word!r}.") from None
    if not at_least <= value <= at_most:
        raise ImproperlyConfigured(f"{name} must lie between {at_least:g} and {at_most:g}, not {word}.")
    return value


def whole(name: str, default: int, *, at_least: int = 0, at_most: int = 10**9) -> int:
    """A whole number within bounds; raises ImproperlyConfigured otherwise, also for one that would be cut off."""
    value = number(name, default, at_least=at_least, at_most=at_most)
    if value != int(value):
        raise ImproperlyConfigured(f"{name} must be a whole number, not {text(name)}.")
    return int(value)


def choice(name: str, default: str, allowed: tuple[str, ...]) -> str:
    """One of a few words; raises ImproperlyConfigured otherwise."""
    word = text(name, default)
    if word not in allowed:
        raise ImproperlyConfigured(f"{name} must be one of {', '.join(allowed)}, not {word!r}.")
    return word


def secret(name: str, default: str = "") -> str:
    """A secret from `NAME` or the file that `NAME_FILE` names; raises ImproperlyConfigured if both, or unreadable."""
    path = text(f"{name}_FILE")
    if not path:
        return text(name, default)
    if text(name):
        raise ImproperlyConfigured(f"{name} and {name}_FILE are both set. Remedy: keep one of them.")
    try:
        return Path(path).read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as problem:
        raise ImproperlyConfigured(
            f"{name}_FILE cannot be read ({type(problem).__name__}). Remedy: check the path and its rights."
        ) from None
