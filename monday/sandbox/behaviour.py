"""Where the original's behaviour could not be established, or where a test wants another: one switch each."""

from __future__ import annotations

import zoneinfo
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from .settings_file import OddSetting, checked


@dataclass(frozen=True, slots=True)
class Behaviour:
    """The switches, with the defaults that the documentation makes likely.

    Times are seconds, sizes bytes, costs complexity points. `time_zone` is that of the token's owner: dates with a
    time are shown in it.
    """

    validation_status: int = 200  # the HTTP status of a document that does not validate; 400 is seen too
    continue_after_failure: bool = True  # a failed alias does not stop the later ones
    alias_cap: int = 0  # mutations in one request; 0: no cap
    body_cap: int = 10_000_000
    idempotency_life: float = 1_800.0
    idempotency_answer_cap: int = 1_000_000
    idempotency_stores: bool = True  # false: as if the memory set aside for keys were full
    idempotency_replays_other_body: bool = True  # a key that comes again with another body gets the old answer
    idempotency_keeps_errors: bool = True  # answers with refused operations are kept and replayed too
    cursor_life: float = 3_600.0
    server_timeout: float = 60.0
    mutation_cost: int = 10_000
    create_labels: bool = True  # false: the token's owner may not change the board's structure
    first_items: int = 0  # items that a new board begins with, unless it is made empty
    answers_as: str = ""  # the version that answers whatever is asked for, as when an old one has ended
    account_in_body: bool = False  # `account_id` beside `data`, as the API sent it before 2025
    time_zone: str = "UTC"

    @classmethod
    def from_mapping(cls, given: Mapping[str, Any]) -> Behaviour:
        """The switches as a person wrote them; raises OddSetting for an unknown or odd one."""
        settings = checked(given, {field.name: type(field.default) for field in fields(cls)}, "behaviour")
        zone = settings.get("time_zone", cls().time_zone)
        if zone not in zoneinfo.available_timezones():
            raise OddSetting(f"behaviour: there is no time zone {zone!r}. Remedy: write one such as Europe/London.")
        return cls(**settings)


__all__ = ["Behaviour", "OddSetting"]
