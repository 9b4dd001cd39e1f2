"""The API token in one object that does not show it, and the removal of tokens from any text."""

from __future__ import annotations

import hmac
import re
from typing import NoReturn

HIDDEN = "[token hidden]"
# Shorter ones are words such as "sandbox" that also stand in ordinary texts; real tokens are far longer.
SHORTEST = 12

_known: set[str] = set()
_jwt = re.compile(r"eyJ[\w-]{5,}\.[\w-]{5,}(?:\.[\w-]*)?")
_header = re.compile(r"(authorization['\"]?\s*[:=]\s*['\"]?)(?:bearer\s+|basic\s+)?[^\s'\",;}]+", re.IGNORECASE)


class BadToken(ValueError):
    """A text that cannot be a token; the message says why and how to mend it, without showing it."""


class Token:
    """An API token that never shows in a text, a log or an exception; `reveal` is for the request's header alone."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        text = text.strip()
        if not all("!" <= letter <= "~" for letter in text):
            raise BadToken(
                "The monday.com token contains blanks or letters that no token has. Remedy: copy it again, "
                "without the word Bearer and without line breaks."
            )
        self._text = text
        if len(text) >= SHORTEST:
            _known.add(text)

    def reveal(self) -> str:
        """The token itself."""
        return self._text

    def __bool__(self) -> bool:
        return bool(self._text)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Token) and hmac.compare_digest(self._text, other._text)

    def __hash__(self) -> int:
        return hash(self._text)

    def __repr__(self) -> str:
        return f"Token({HIDDEN})" if self._text else "Token()"

    __str__ = __repr__

    def __reduce__(self) -> NoReturn:
        raise TypeError("A token is never stored or sent to another process. Remedy: read it from the settings there.")


def redact(text: str) -> str:
    """The text without any token: known ones, texts in a token's form, and values of an Authorization header."""
    for token in _known:
        text = text.replace(token, HIDDEN)
    return _header.sub(rf"\g<1>{HIDDEN}", _jwt.sub(HIDDEN, text))
