"""What people are told of: the kinds of events, one piece of news, and how it reads as a mail, as JSON, in Teams and
in Slack.

Sources of the formats: https://adaptivecards.io/explorer/AdaptiveCard.html (Teams takes it as an attachment of a
message) and https://docs.slack.dev/reference/block-kit/blocks
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

SCHEMA_VERSION = 1
MOST_LINES = 15  # of a card; a mail and the JSON hold all
LONGEST_LINE, LONGEST_TITLE = 500, 150  # characters of a card; Slack takes 150 in a header
MARKDOWN = re.compile(r"([\\`*_\[\]<>#|~])")


class Event(StrEnum):
    FAILED = "failed"
    ERRORS = "errors"
    WAITING = "waiting"
    REJECTED = "rejected"
    REFUSED = "refused"
    RECOVERED = "recovered"
    QUOTA = "quota"
    TEST = "test"
    REPORT = "report"


MEANING: Mapping[Event, str] = {
    Event.FAILED: "Failed: a run was stopped by an outage",
    Event.ERRORS: "Completed with errors: orders were rejected or left without an answer",
    Event.WAITING: "Waiting for approval: batches that nobody was told of yet",
    Event.REJECTED: "Rejected: the board refused orders",
    Event.REFUSED: "Refused by a guard: nothing was done, and a person must look",
    Event.RECOVERED: "Recovered: what had failed or was refused works again",
    Event.QUOTA: "Quota exhausted: monday.com takes no more calls for a while",
}
"""What a channel may ask for, in words; a test and a report go where they are sent."""

TONES: Mapping[Event, str] = {
    Event.FAILED: "Attention",
    Event.REFUSED: "Attention",
    Event.ERRORS: "Warning",
    Event.REJECTED: "Warning",
    Event.QUOTA: "Warning",
    Event.WAITING: "Accent",
    Event.RECOVERED: "Good",
}


@dataclass(frozen=True, slots=True)
class News:
    """One piece of news. `events` has the gravest first; `lines` are paragraphs; `links` are (words, address)."""

    events: tuple[Event, ...]
    title: str
    lines: tuple[str, ...] = ()
    links: tuple[tuple[str, str], ...] = ()
    at: str = ""
    """When it happened, ISO 8601 in UTC."""

    def to_json(self) -> dict[str, Any]:
        """As it is kept, and as a plain webhook gets it."""
        return {
            "schema_version": SCHEMA_VERSION,
            "events": [str(event) for event in self.events],
            "title": self.title,
            "lines": list(self.lines),
            "links": [{"title": words, "url": address} for words, address in self.links],
            "at": self.at,
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> News:
        """The news that `to_json` pictured."""
        links = tuple((link["title"], link["url"]) for link in data["links"])
        events = tuple(Event(name) for name in data["events"])
        return cls(events, data["title"], tuple(data["lines"]), links, data["at"])


def digest(news: Iterable[News], at: str) -> News:
    """Several pieces of news as one: a paragraph each, in the order in which they happened."""
    all_of_it = sorted(news, key=lambda one: one.at)
    events = tuple(dict.fromkeys(event for one in all_of_it for event in one.events))
    lines = tuple(
        "\n".join([f"{one.at[:16].replace('T', ' ')} UTC  {one.title}", *one.lines[:1], *(to for _, to in one.links)])
        for one in all_of_it
    )
    number = len(all_of_it)
    return News(events, f"{number} {'message' if number == 1 else 'messages'} since the last digest", lines, (), at)


def as_text(news: News) -> str:
    """The body of a mail."""
    links = [f"{words}: {address}" for words, address in news.links]
    return "\n\n".join([*news.lines, *(["\n".join(links)] if links else [])])


def as_teams(news: News) -> dict[str, Any]:
    """A message for a Teams webhook: one adaptive card. What stands in the news is never read as Markdown."""
    tone = next((TONES[event] for event in news.events if event in TONES), "Default")
    body = [{"type": "TextBlock", "size": "Medium", "weight": "Bolder", "wrap": True, "color": tone, "text": ""}]
    body[0]["text"] = _plain(news.title[:LONGEST_TITLE])
    body += [{"type": "TextBlock", "wrap": True, "text": _plain(line)} for line in _short(news)]
    card: dict[str, Any] = {
        "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
        "type": "AdaptiveCard",
        "version": "1.4",
        "body": body,
        "actions": [{"type": "Action.OpenUrl", "title": words, "url": to} for words, to in news.links[:4]],
    }
    attachment = {"contentType": "application/vnd.microsoft.card.adaptive", "contentUrl": None, "content": card}
    return {"type": "message", "attachments": [attachment]}


def as_slack(news: News) -> dict[str, Any]:
    """A message for a Slack webhook. A name such as <!channel> calls nobody."""
    header = {"type": "plain_text", "text": news.title[:LONGEST_TITLE], "emoji": False}
    blocks: list[dict[str, Any]] = [{"type": "header", "text": header}]
    blocks += [{"type": "section", "text": {"type": "mrkdwn", "text": _slack(line)}} for line in _short(news)]
    if news.links:
        shown = "  ".join(f"<{to}|{_slack(words)}>" for words, to in news.links[:4])
        blocks.append({"type": "section", "text": {"type": "mrkdwn", "text": shown}})
    return {"text": _slack(news.title), "blocks": blocks}


def _short(news: News) -> list[str]:
    lines = [line if len(line) <= LONGEST_LINE else f"{line[: LONGEST_LINE - 3]}..." for line in news.lines]
    more = len(lines) - MOST_LINES
    return lines if more <= 0 else [*lines[:MOST_LINES], f"... and {more:,} more."]


def _plain(text: str) -> str:
    return MARKDOWN.sub(r"\\\1", text)


def _slack(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
