"""News as a mail, a Teams card, a Slack message and a digest."""

from __future__ import annotations

import json

from staging.core.events import MEANING, Event, News, as_slack, as_teams, as_text, digest

AT = "2026-03-02T09:00:00+00:00"
NEWS = News(
    (Event.FAILED, Event.WAITING),
    "Failed - Push of batch 12 - A <!channel> & *Sons*",
    ("monday.com cannot be reached.", "[click](https://evil.example) <https://evil.example|here>"),
    (("The run", "https://orders.example/run/7"),),
    AT,
)


def test_news_comes_back_as_it_was_kept() -> None:
    assert News.from_json(json.loads(json.dumps(NEWS.to_json()))) == NEWS


def test_a_mail_has_every_line_and_the_links() -> None:
    lines = as_text(News((Event.FAILED,), "t", tuple(f"line {n}" for n in range(50)), NEWS.links)).split("\n\n")
    assert lines == [*(f"line {n}" for n in range(50)), "The run: https://orders.example/run/7"]


def test_a_slack_message_calls_nobody_and_hides_no_link() -> None:
    message = as_slack(NEWS)
    header, *sections = message["blocks"]
    assert header["text"] == {"type": "plain_text", "text": NEWS.title, "emoji": False}
    texts = [section["text"]["text"] for section in sections]
    assert "<!channel>" not in message["text"] and "&lt;!channel&gt; &amp;" in message["text"]
    assert texts[1] == "[click](https://evil.example) &lt;https://evil.example|here&gt;"
    assert texts[-1] == "<https://orders.example/run/7|The run>"


def test_a_teams_card_reads_nothing_as_markdown() -> None:
    (attachment,) = as_teams(NEWS)["attachments"]
    card = attachment["content"]
    assert attachment["contentType"] == "application/vnd.microsoft.card.adaptive" and card["type"] == "AdaptiveCard"
    title, first, second = card["body"]
    assert title["color"] == "Attention" and r"\*Sons\*" in title["text"]
    assert first["text"] == "monday.com cannot be reached." and second["text"].startswith(r"\[click\](")
    assert card["actions"] == [{"type": "Action.OpenUrl", "title": "The run", "url": "https://orders.example/run/7"}]


def test_a_card_stays_small_and_says_how_much_is_left_out() -> None:
    long = News((Event.ERRORS,), "t" * 500, tuple("x" * 2000 for _ in range(40)))
    texts = [block["text"]["text"] for block in as_slack(long)["blocks"]]
    assert len(texts[0]) == 150 and len(texts) == 17 and len(texts[1]) == 500 and texts[-1] == "... and 25 more."
    assert len(json.dumps(as_teams(long))) < 20_000


def test_a_digest_tells_all_in_the_order_in_which_it_happened() -> None:
    later = News((Event.RECOVERED,), "Recovered - Sync run 8", (), (), "2026-03-02T10:00:00+00:00")
    both = digest([later, NEWS], AT)
    assert both.title == "2 messages since the last digest" and both.events == (*NEWS.events, Event.RECOVERED)
    assert both.lines[0].startswith("2026-03-02 09:00 UTC  Failed - Push") and both.lines[1].endswith("Sync run 8")
    assert "https://orders.example/run/7" in both.lines[0]


def test_every_kind_of_event_but_those_that_are_asked_for_can_be_chosen() -> None:
    assert set(Event) - set(MEANING) == {Event.TEST, Event.REPORT}
