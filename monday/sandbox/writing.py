"""From what a document writes into a column to what the store keeps: one function per kind.

A stored value is a JSON-able value or None for an empty cell. Each function takes what came, a text ("simple" value)
or a decoded JSON value, and raises a ValueError that says in a few words why the column does not take it.
Facts: the API's pages on the column types.
"""

from __future__ import annotations

import datetime as dt
import re
import zoneinfo
from collections.abc import Callable, Mapping
from decimal import Decimal, InvalidOperation
from typing import Any, Protocol

from .refusals import Refusal, bad_value

LONG_TEXT_LENGTH = 2_000
_COMPUTED = "mirror formula item_id auto_number creation_log last_updated button subtasks progress time_tracking"
READ_ONLY = frozenset(_COMPUTED.split())
_EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")
_PHONE = re.compile(r"\+?[0-9]{3,17}")
_URL = re.compile(r"(https?|ftp|mailto):\S+", re.IGNORECASE)
_NUMERIC = re.compile(r"[0-9]{1,18}")
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


class Surroundings(Protocol):
    """What a value may have to be checked against."""

    now: str

    def label(self, wanted: str | int) -> int:
        """The id of the column's label of that text or id; raises Refusal where it may not be used."""

    def linkable(self, item_ids: list[int]) -> bool:
        """True where the column may link these items."""


class NoSimpleValue(ValueError):
    """The kind takes JSON only."""


def stored(column_id: str, kind: str, raw: Any, around: Surroundings) -> Any:
    """What the store keeps for `raw`; raises Refusal as the API does."""
    if kind in READ_ONLY or kind not in _WRITERS:
        raise bad_value(column_id, kind, raw, "this column type cannot be changed by the API")
    if raw is None or raw == {} or raw == []:
        return None
    try:
        return _WRITERS[kind](raw, around)
    except OverflowError:
        raise bad_value(column_id, kind, raw, "there is no such id") from None
    except NoSimpleValue:
        raise Refusal(
            "CorrectedValueException", f"Column {column_id} ({kind}) takes JSON, no simple text",
            about={"column_id": column_id, "column_type": kind, "column_value": raw},
        ) from None  # fmt: skip
    except ValueError as problem:
        raise bad_value(column_id, kind, raw, str(problem)) from None


def _text(raw: Any, _around: Surroundings) -> str | None:
    if isinstance(raw, bool) or not isinstance(raw, (str, int, float)):
        raise ValueError("a text is expected")
    return str(raw) or None


def _long_text(raw: Any, around: Surroundings) -> dict[str, Any] | None:
    text = raw.get("text") if isinstance(raw, Mapping) else raw
    if text is None or text == "":
        return None
    if not isinstance(text, str):
        raise ValueError("a text is expected")
    if len(text) > LONG_TEXT_LENGTH:
        raise ValueError(f"a long text has at most {LONG_TEXT_LENGTH} characters")
    return {"text": text, "changed_at": around.now}


def _numbers(raw: Any, _around: Surroundings) -> str:
    if isinstance(raw, bool) or not isinstance(raw, (str, int, float)):
        raise ValueError("a number is expected")
    word = str(raw).strip()
    if word == "":
        return "0"  # documented: only null clears a number
    try:
        number = Decimal(word)
    except InvalidOperation:
        raise ValueError("a number is expected") from None
    if not number.is_finite() or abs(number.adjusted()) > 30:
        raise ValueError("a finite number is expected")
    return f"{number:f}"


def _date(raw: Any, around: Surroundings) -> dict[str, Any] | None:
    day, time = _date_parts(raw)
    if not day:
        return None
    try:
        _day(day)
        if time:
            time = dt.time.fromisoformat(time).strftime("%H:%M:%S")
    except ValueError:
        raise ValueError("a date is written YYYY-MM-DD, its time HH:MM:SS in UTC") from None
    return {"date": day, "time": time or None, "changed_at": around.now}


def _date_parts(raw: Any) -> tuple[str, str]:
    if isinstance(raw, Mapping):
        day, time = raw.get("date") or "", raw.get("time") or ""
        if isinstance(day, str) and isinstance(time, str) and (not day or len(day) == 10):
            return day, time
    elif isinstance(raw, str):
        day, _, time = raw.strip().partition(" ")
        if not day or len(day) == 10:
            return day, time.strip()
    raise ValueError("a date is written YYYY-MM-DD, its time HH:MM:SS in UTC")


def _status(raw: Any, around: Surroundings) -> dict[str, Any] | None:
    wanted = raw
    if isinstance(raw, Mapping):
        wanted = raw.get("label") if "label" in raw else raw.get("index")
    if wanted is None or wanted == "":
        return None
    if isinstance(wanted, bool) or not isinstance(wanted, (str, int)):
        raise ValueError("a label or an index is expected")
    # Documented trap: a label that consists of digits is read as an id.
    if isinstance(wanted, str) and _NUMERIC.fullmatch(wanted.strip()):
        wanted = int(wanted)
    if isinstance(wanted, str):
        wanted = wanted.strip()
    return {"index": around.label(wanted), "post_id": None, "changed_at": around.now}


def _dropdown(raw: Any, around: Surroundings) -> dict[str, Any] | None:
    wanted: list[str | int]
    if isinstance(raw, str):
        wanted = [part.strip() for part in raw.split(",") if part.strip()]  # the simple form splits at commas
    elif isinstance(raw, Mapping) and isinstance(raw.get("labels"), list):
        wanted = [_label_text(label) for label in raw["labels"]]
    elif isinstance(raw, Mapping) and isinstance(raw.get("ids"), list):
        wanted = [_whole(number) for number in raw["ids"]]
    else:
        raise ValueError("labels or ids are expected")
    ids = list(dict.fromkeys(around.label(one) for one in wanted))
    return {"ids": ids} if ids else None


def _label_text(label: Any) -> str:
    if not isinstance(label, str) or not label.strip():
        raise ValueError("a label is a text that is not empty")
    return label.strip()


def _people(raw: Any, around: Surroundings) -> dict[str, Any] | None:
    if isinstance(raw, str):
        entries: list[Any] = [{"id": part.strip(), "kind": "person"} for part in raw.split(",") if part.strip()]
    elif isinstance(raw, Mapping) and isinstance(raw.get("personsAndTeams"), list):
        entries = raw["personsAndTeams"]
    else:
        raise ValueError("personsAndTeams is expected")
    people = []
    for entry in entries:
        if not isinstance(entry, Mapping) or entry.get("kind") not in ("person", "team"):
            raise ValueError("each entry has an id and the kind person or team")
        people.append({"id": _whole(entry.get("id")), "kind": entry["kind"]})
    return {"personsAndTeams": people, "changed_at": around.now} if people else None


def _checkbox(raw: Any, around: Surroundings) -> dict[str, Any] | None:
    if not isinstance(raw, Mapping):
        raise NoSimpleValue
    checked = raw.get("checked")
    if str(checked).lower() not in ("true", "false"):
        raise ValueError('{"checked": "true"} is expected')
    return {"checked": True, "changed_at": around.now} if str(checked).lower() == "true" else None


def _email(raw: Any, around: Surroundings) -> dict[str, Any] | None:
    if isinstance(raw, str):
        address, _, label = raw.strip().partition(" ")
        raw = {"email": address, "text": label.strip() or address}
    if not isinstance(raw, Mapping) or not isinstance(raw.get("email"), str) or not isinstance(raw.get("text"), str):
        raise ValueError("email and text are both expected")
    if not raw["email"]:
        return None
    if not _EMAIL.fullmatch(raw["email"]):
        raise ValueError("an e-mail address is expected")
    return {"email": raw["email"], "text": raw["text"], "changed_at": around.now}


def _phone(raw: Any, around: Surroundings) -> dict[str, Any] | None:
    if isinstance(raw, str):
        number, _, country = raw.strip().rpartition(" ")
        raw = {"phone": number, "countryShortName": country} if number else {"phone": country, "countryShortName": ""}
    if not isinstance(raw, Mapping) or not isinstance(raw.get("phone"), str):
        raise ValueError("phone and countryShortName are expected")
    if not raw["phone"]:
        return None
    country = raw.get("countryShortName") or ""
    if not isinstance(country, str) or not (country == "" or re.fullmatch(r"[A-Z]{2}", country)):
        raise ValueError("countryShortName has two capital letters")
    if not _PHONE.fullmatch(re.sub(r"[\s().\-]", "", raw["phone"])):
        raise ValueError("a phone number is expected")
    return {"phone": raw["phone"], "countryShortName": country, "changed_at": around.now}


def _link(raw: Any, around: Surroundings) -> dict[str, Any] | None:
    if isinstance(raw, str):
        url, blank, text = raw.strip().partition(" ")
        if url and not blank:
            raise ValueError("url and text are both expected")
        raw = {"url": url, "text": text.strip()}
    if not isinstance(raw, Mapping) or not isinstance(raw.get("url"), str) or not isinstance(raw.get("text", ""), str):
        raise ValueError("url and text are both expected")
    if not raw["url"]:
        return None
    if not _URL.fullmatch(raw["url"]):
        raise ValueError("a url with its scheme is expected")
    return {"url": raw["url"], "text": raw.get("text", ""), "changed_at": around.now}


def _timeline(raw: Any, around: Surroundings) -> dict[str, Any] | None:
    if not isinstance(raw, Mapping):
        raise NoSimpleValue
    begin, end = raw.get("from"), raw.get("to")
    if not begin and not end:
        return None
    try:
        ordered = _day(begin) <= _day(end)
    except ValueError:
        raise ValueError("from and to are written YYYY-MM-DD") from None
    if not ordered:
        raise ValueError("from lies after to")
    return {"from": begin, "to": end, "changed_at": around.now}


def _tags(raw: Any, _around: Surroundings) -> dict[str, Any] | None:
    if not isinstance(raw, Mapping) or not isinstance(raw.get("tag_ids"), list):
        raise ValueError("tag_ids is expected")
    return {"tag_ids": [_whole(number) for number in raw["tag_ids"]]} if raw["tag_ids"] else None


def _board_relation(raw: Any, around: Surroundings) -> dict[str, Any] | None:
    if not isinstance(raw, Mapping) or not isinstance(raw.get("item_ids"), list):
        raise NoSimpleValue
    ids = [_whole(number) for number in raw["item_ids"]]
    if not around.linkable(ids):
        raise ValueError("the items are not on a board that is linked in the column")
    return {"item_ids": ids, "changed_at": around.now} if ids else None


def _country(raw: Any, around: Surroundings) -> dict[str, Any] | None:
    if not isinstance(raw, Mapping):
        raise NoSimpleValue
    code, name = raw.get("countryCode"), raw.get("countryName")
    if not isinstance(code, str) or not isinstance(name, str) or not re.fullmatch(r"[A-Z]{2}", code):
        raise ValueError("countryCode has two capital letters, and countryName goes with it")
    return {"countryCode": code, "countryName": name, "changed_at": around.now}


def _rating(raw: Any, around: Surroundings) -> dict[str, Any] | None:
    given = raw.get("rating") if isinstance(raw, Mapping) else raw
    number = _whole(given)
    if not 0 <= number <= 10:
        raise ValueError("a rating is a small whole number")
    return {"rating": number, "changed_at": around.now} if number else None


def _hour(raw: Any, around: Surroundings) -> dict[str, Any] | None:
    if not isinstance(raw, Mapping):
        raise NoSimpleValue
    hour, minute = _whole(raw.get("hour")), _whole(raw.get("minute", 0))
    if not (0 <= hour < 24 and 0 <= minute < 60):
        raise ValueError("hour lies between 0 and 23, minute between 0 and 59")
    return {"hour": hour, "minute": minute, "changed_at": around.now}


def _week(raw: Any, around: Surroundings) -> dict[str, Any] | None:
    given = raw.get("week", raw) if isinstance(raw, Mapping) else None
    if not isinstance(given, Mapping):
        raise NoSimpleValue
    try:
        begin = _day(given.get("startDate"))
        end = _day(given.get("endDate"))
    except ValueError:
        raise ValueError("startDate and endDate are written YYYY-MM-DD") from None
    if (end - begin).days != 6:
        raise ValueError("startDate and endDate are seven days of one week")
    return {"week": {"startDate": begin.isoformat(), "endDate": end.isoformat()}, "changed_at": around.now}


def _location(raw: Any, around: Surroundings) -> dict[str, Any] | None:
    if isinstance(raw, str):
        parts = [*raw.split(maxsplit=2), "", "", ""]
        raw = {"lat": parts[0], "lng": parts[1], "address": parts[2]}
    if not isinstance(raw, Mapping):
        raise ValueError("lat, lng and address are expected")
    try:
        lat, lng = float(raw.get("lat", "")), float(raw.get("lng", ""))
    except (TypeError, ValueError):
        raise ValueError("lat and lng are numbers") from None
    if not (-90 <= lat <= 90 and -180 <= lng <= 180):
        raise ValueError("lat lies between -90 and 90, lng between -180 and 180")
    return {"lat": lat, "lng": lng, "address": str(raw.get("address") or ""), "changed_at": around.now}


def _world_clock(raw: Any, around: Surroundings) -> dict[str, Any] | None:
    name = raw.get("timezone") if isinstance(raw, Mapping) else raw
    if not isinstance(name, str) or name not in zoneinfo.available_timezones():
        raise ValueError("a time zone such as Europe/London is expected")
    return {"timezone": name, "changed_at": around.now}


def _team(raw: Any, around: Surroundings) -> dict[str, Any] | None:
    given = raw.get("team_id") if isinstance(raw, Mapping) else raw
    return {"team_id": _whole(given), "changed_at": around.now}


def _day(word: Any) -> dt.date:
    """A day as YYYY-MM-DD alone: Python would read a week such as 2026-W01-1 as well."""
    if not _DAY.fullmatch(str(word)):
        raise ValueError("a date is written YYYY-MM-DD")
    return dt.date.fromisoformat(str(word))


def _whole(number: Any) -> int:
    if isinstance(number, bool) or not isinstance(number, (str, int)):
        raise ValueError("an id is expected")
    try:
        return int(number)
    except ValueError:
        raise ValueError("an id is expected") from None


_WRITERS: Mapping[str, Callable[[Any, Surroundings], Any]] = {
    "text": _text,
    "long_text": _long_text,
    "numbers": _numbers,
    "date": _date,
    "status": _status,
    "dropdown": _dropdown,
    "people": _people,
    "checkbox": _checkbox,
    "email": _email,
    "phone": _phone,
    "link": _link,
    "timeline": _timeline,
    "tags": _tags,
    "board_relation": _board_relation,
    "dependency": _board_relation,
    "country": _country,
    "rating": _rating,
    "hour": _hour,
    "week": _week,
    "location": _location,
    "world_clock": _world_clock,
    "team": _team,
}


def takes(kind: str) -> bool:
    """True for a kind that can be written."""
    return kind in _WRITERS and kind not in READ_ONLY
