"""Takes secrets out of a text before anybody reads it: the ones this installation holds, and what looks like one."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from urllib.parse import quote

from monday.token import redact

HIDDEN = "[hidden]"
# Shorter ones would blank out ordinary words wherever these letters stand.
SHORTEST = 4

_SECRET_NAME = re.compile(
    r"(?i)(?:^|[_.-])(?:token|password|passwd|pwd|secret|secret_key|api_key|authorization|cookie)$"
)
_PATTERNS: tuple[tuple[re.Pattern[str], str], ...] = (
    # scheme://user:password@host
    (re.compile(r"(\w://[^/\s:@]*:)\S+@"), rf"\1{HIDDEN}@"),
    (re.compile(r"(?i)(\bbearer\s+)[\w.~+/=-]{8,}"), rf"\1{HIDDEN}"),
    # name=value, as in connection strings and query strings
    (
        re.compile(
            r"(?i)((?:token|password|passwd|pwd|secret|secret_key|api_key)=)(?:\"[^\"]*\"|'[^']*'|[^\s,;&}\"']+)"
        ),
        rf"\1{HIDDEN}",
    ),
    # "name": "value", as in JSON and in a printed dict
    (
        re.compile(r"(?i)(([\"'])\w*(?:token|password|passwd|pwd|secret|secret_key|api_key)\2\s*:\s*)([\"'])[^\"']*\3"),
        rf"\1\3{HIDDEN}\3",
    ),
)


class Redactor:
    """Hides `secrets` literally, every API token, and everything that looks like a password.

    Secrets of fewer than four characters are not looked for, since hiding them would make every text unreadable.
    """

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        spellings = {form for secret in secrets if len(secret) >= SHORTEST for form in (secret, quote(secret, safe=""))}
        # The longest first, so that a secret that contains another one disappears whole.
        longest_first = sorted(spellings, key=len, reverse=True)
        self._known = re.compile("|".join(map(re.escape, longest_first))) if longest_first else None

    def text(self, text: str) -> str:
        """The text without secrets."""
        text = redact(text)
        if self._known:
            text = self._known.sub(HIDDEN, text)
        for pattern, instead in _PATTERNS:
            text = pattern.sub(instead, text)
        return text

    def value(self, value: object, name: str = "") -> object:
        """A value of a log line, of any kind, without secrets; hidden whole where its name says that it is one."""
        if value is None or isinstance(value, bool | int | float):
            return value
        if _SECRET_NAME.search(name):
            return HIDDEN
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, Mapping):
            return {str(key): self.value(item, str(key)) for key, item in value.items()}
        if isinstance(value, list | tuple | set | frozenset):
            return [self.value(item) for item in value]
        return self.text(repr(value) if isinstance(value, BaseException | bytes) else str(value))
