"""From what the store keeps in a cell to what the API shows of it: `text`, `value` and the kind's own fields.

What is read back is not what was sent: numbers are texts, dates carry `changed_at`, labels are ids.
Facts: the API's pages on the column types.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import json
import zoneinfo
from collections.abc import Callable, Mapping
from typing import Any, Protocol

from .labels import HEX, BoardLabel

Shown = dict[str, Any]


class Surroundings(Protocol):
    """What a cell's picture needs from its item and board."""

    item_id: int
    created_at: str
    updated_at: str
    creator_id: str
    zone: zoneinfo.ZoneInfo

    def label(self, label_id: int) -> BoardLabel | None: ...

    def person(self, kind: str, person_id: int) -> str: ...

    def names(self, item_ids: list[int]) -> list[tuple[int, str]]: ...

    def subitem_names(self) -> list[tuple[int, str]]: ...


def shown(kind: str, stored: Any, around: Surroundings) -> Shown:
    """The cell as `column_values` answers it, without `id`, `type` and `column`."""
    type_name, show = _SHOWN.get(kind, ("UnsupportedValue", _nothing))
    try:
        cell = show(stored, around)
    except (KeyError, TypeError):  # the column was retyped, and what stands in the cell is of its former kind
        cell = show(None, around)
    cell["__typename"] = type_name
    cell["is_leaf"] = True
    return cell


def _nothing(_stored: Any, _around: Surroundings) -> Shown:
    return {"text": None, "value": None}


def _text(stored: Any, _around: Surroundings) -> Shown:
    return {"text": stored or "", "value": _json(stored)}


def _long_text(stored: Any, _around: Surroundings) -> Shown:
    return {"text": stored["text"] if stored else "", "value": _json(stored), "updated_at": _changed(stored)}


def _numbers(stored: Any, _around: Surroundings) -> Shown:
    return {
        "text": stored or "",
        "value": _json(stored),
        "number": float(stored) if stored else None,
        "symbol": None,
        "direction": None,
    }


def _date(stored: Any, around: Surroundings) -> Shown:
    if not stored:
        return {"text": "", "value": None, "date": "", "time": "", "icon": None, "updated_at": None}
    day, time = stored["date"], ""
    if stored["time"]:
        moment = dt.datetime.fromisoformat(f"{stored['date']}T{stored['time']}+00:00")
        with contextlib.suppress(OverflowError):  # in that zone it lies before the first year or after the last
            moment = moment.astimezone(around.zone)
        day, time = moment.date().isoformat(), moment.strftime("%H:%M")
    return {
        "text": f"{day} {time}".strip(),
        "value": _json(stored),
        "date": day,
        "time": f"{time}:00" if time else "",
        "icon": None,
        "updated_at": _changed(stored),
    }


def _status(stored: Any, around: Surroundings) -> Shown:
    label = around.label(stored["index"]) if stored else None
    color = HEX.get(label.color or "", "#579bfc") if label else ""
    return {
        "text": label.text if label else None,
        "value": _json(stored),
        "label": label.text if label else None,
        "index": stored["index"] if stored else None,
        "is_done": label.is_done if label else False,
        "label_style": {"color": color, "border": color} if label else None,
        "update_id": None,
        "updated_at": _changed(stored),
    }


def _dropdown(stored: Any, around: Surroundings) -> Shown:
    found = [label for i in (stored["ids"] if stored else ()) if (label := around.label(i))]
    return {
        "text": ", ".join(label.text for label in found) or None,
        "value": _json(stored),
        "values": [{"id": label.id, "label": label.text} for label in found],
    }


def _people(stored: Any, around: Surroundings) -> Shown:
    people = stored["personsAndTeams"] if stored else []
    return {
        "text": ", ".join(around.person(p["kind"], p["id"]) for p in people),
        "value": _json(stored),
        "persons_and_teams": people,
        "updated_at": _changed(stored),
    }


def _checkbox(stored: Any, _around: Surroundings) -> Shown:
    return {
        "text": "v" if stored else "",
        "value": _json(stored),
        "checked": bool(stored),
        "updated_at": _changed(stored),
    }


def _email(stored: Any, _around: Surroundings) -> Shown:
    email, label = (stored["email"], stored["text"]) if stored else (None, None)
    text = email if label in (None, "", email) else f"{label} - {email}"
    return {"text": text or "", "value": _json(stored), "email": email, "label": label, "updated_at": _changed(stored)}


def _phone(stored: Any, _around: Surroundings) -> Shown:
    return {
        "text": stored["phone"] if stored else "",
        "value": _json(stored),
        "phone": stored["phone"] if stored else None,
        "country_short_name": stored["countryShortName"] if stored else None,
        "updated_at": _changed(stored),
    }


def _link(stored: Any, _around: Surroundings) -> Shown:
    url, words = (stored["url"], stored["text"]) if stored else (None, None)
    text = f"{words} - {url}" if words and words != url else url
    return {"text": text or "", "value": _json(stored), "url": url, "url_text": words, "updated_at": _changed(stored)}


def _timeline(stored: Any, _around: Surroundings) -> Shown:
    begin, end = (stored["from"], stored["to"]) if stored else (None, None)
    return {
        "text": f"{begin} - {end}" if stored else "",
        "value": _json(stored),
        "from": begin,
        "to": end,
        "visualization_type": None,
        "updated_at": _changed(stored),
    }


def _tags(stored: Any, _around: Surroundings) -> Shown:
    ids = stored["tag_ids"] if stored else []
    return {"text": ", ".join(str(i) for i in ids), "value": _json(stored), "tag_ids": ids, "tags": []}


def _board_relation(stored: Any, around: Surroundings) -> Shown:
    linked = around.names(stored["item_ids"]) if stored else []
    # Documented: text and value of a connection are always null; only the typed fields show it.
    return {
        "text": None,
        "value": None,
        "display_value": ", ".join(name for _, name in linked),
        "linked_item_ids": [number for number, _ in linked],
        "updated_at": _changed(stored),
    }


def _computed(_stored: Any, _around: Surroundings) -> Shown:
    return {"text": None, "value": None, "display_value": ""}


def _item_id(_stored: Any, around: Surroundings) -> Shown:
    return {
        "text": str(around.item_id),
        "value": _json({"item_id": str(around.item_id)}),
        "item_id": around.item_id,
    }


def _subtasks(_stored: Any, around: Surroundings) -> Shown:
    found = around.subitem_names()
    names = ", ".join(name for _, name in found)
    ids = [number for number, _ in found]
    linked = {"linkedPulseIds": [{"linkedPulseId": number} for number in ids]} if ids else None
    return {"text": names, "value": _json(linked), "display_value": names, "subitems_ids": ids}


def _last_updated(_stored: Any, around: Surroundings) -> Shown:
    return {
        "text": around.updated_at.replace("T", " ").replace("Z", " UTC"),
        "value": _json({"updated_at": around.updated_at, "updater_id": around.creator_id}),
        "updated_at": around.updated_at,
        "updater_id": around.creator_id,
    }


def _creation_log(_stored: Any, around: Surroundings) -> Shown:
    return {
        "text": around.created_at.replace("T", " ").replace("Z", " UTC"),
        "value": _json({"created_at": around.created_at, "creator_id": around.creator_id}),
        "created_at": around.created_at,
        "creator_id": around.creator_id,
    }


def _country(stored: Any, _around: Surroundings) -> Shown:
    name = stored["countryName"] if stored else ""
    country = {"code": stored["countryCode"], "name": name} if stored else None
    return {"text": name, "value": _json(stored), "country": country, "updated_at": _changed(stored)}


def _rating(stored: Any, _around: Surroundings) -> Shown:
    number = stored["rating"] if stored else None
    return {"text": str(number or ""), "value": _json(stored), "rating": number, "updated_at": _changed(stored)}


def _hour(stored: Any, _around: Surroundings) -> Shown:
    if not stored:
        return {"text": "", "value": None, "hour": None, "minute": None, "updated_at": None}
    hour, minute = stored["hour"], stored["minute"]
    text = f"{hour % 12 or 12:02}:{minute:02} {'AM' if hour < 12 else 'PM'}"
    return {"text": text, "value": _json(stored), "hour": hour, "minute": minute, "updated_at": _changed(stored)}


def _week(stored: Any, _around: Surroundings) -> Shown:
    begin, end = (stored["week"]["startDate"], stored["week"]["endDate"]) if stored else (None, None)
    text = f"{begin} - {end}" if stored else ""
    return {"text": text, "value": _json(stored), "start_date": begin, "end_date": end}


def _location(stored: Any, _around: Surroundings) -> Shown:
    place = stored or {"lat": None, "lng": None, "address": None}
    return {
        "text": place["address"] or "",
        "value": _json(stored),
        "lat": place["lat"],
        "lng": place["lng"],
        "address": place["address"],
        "updated_at": _changed(stored),
    }


def _world_clock(stored: Any, _around: Surroundings) -> Shown:
    name = stored["timezone"] if stored else None
    return {"text": name or "", "value": _json(stored), "timezone": name, "updated_at": _changed(stored)}


def _team(stored: Any, _around: Surroundings) -> Shown:
    number = stored["team_id"] if stored else None
    return {"text": str(number or ""), "value": _json(stored), "team_id": number, "updated_at": _changed(stored)}


def _files(_stored: Any, _around: Surroundings) -> Shown:
    return {"text": "", "value": None, "files": []}


def _vote(_stored: Any, _around: Surroundings) -> Shown:
    return {"text": "", "value": None, "vote_count": 0, "voter_ids": [], "voters": []}


def _time_tracking(_stored: Any, _around: Surroundings) -> Shown:
    return {"text": "", "value": None, "running": False, "duration": 0, "history": [], "started_at": None}


def _empty(_stored: Any, _around: Surroundings) -> Shown:
    return {"text": "", "value": None}


def _button(_stored: Any, _around: Surroundings) -> Shown:
    return {"text": None, "value": None, "label": "", "color": None}


def _progress(_stored: Any, _around: Surroundings) -> Shown:
    return {"text": "", "value": None}


def _json(value: Any) -> str | None:
    return None if value is None else json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _changed(stored: Any) -> str | None:
    return stored.get("changed_at") if isinstance(stored, Mapping) else None


_SHOWN: Mapping[str, tuple[str, Callable[[Any, Surroundings], Shown]]] = {
    "text": ("TextValue", _text),
    "long_text": ("LongTextValue", _long_text),
    "numbers": ("NumbersValue", _numbers),
    "date": ("DateValue", _date),
    "status": ("StatusValue", _status),
    "dropdown": ("DropdownValue", _dropdown),
    "people": ("PeopleValue", _people),
    "checkbox": ("CheckboxValue", _checkbox),
    "email": ("EmailValue", _email),
    "phone": ("PhoneValue", _phone),
    "link": ("LinkValue", _link),
    "timeline": ("TimelineValue", _timeline),
    "tags": ("TagsValue", _tags),
    "board_relation": ("BoardRelationValue", _board_relation),
    "dependency": ("DependencyValue", _board_relation),
    "mirror": ("MirrorValue", _computed),
    "formula": ("FormulaValue", _computed),
    "item_id": ("ItemIdValue", _item_id),
    "subtasks": ("SubtasksValue", _subtasks),
    "last_updated": ("LastUpdatedValue", _last_updated),
    "creation_log": ("CreationLogValue", _creation_log),
    "button": ("ButtonValue", _button),
    "progress": ("ProgressValue", _progress),
    "country": ("CountryValue", _country),
    "rating": ("RatingValue", _rating),
    "hour": ("HourValue", _hour),
    "week": ("WeekValue", _week),
    "location": ("LocationValue", _location),
    "world_clock": ("WorldClockValue", _world_clock),
    "team": ("TeamValue", _team),
    "file": ("FileValue", _files),
    "vote": ("VoteValue", _vote),
    "time_tracking": ("TimeTrackingValue", _time_tracking),
    "color_picker": ("ColorPickerValue", _empty),
    "integration": ("IntegrationValue", _empty),
    "doc": ("DocValue", _empty),
    "person": ("PersonValue", _empty),
}
