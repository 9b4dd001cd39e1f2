"""Customers in the admin: the list, names that nobody knows, and lists that come in and go out."""

from __future__ import annotations

import csv
import io
import re
from html import unescape
from typing import Any

import openpyxl
import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from mapping.models import Alias, Customer, Version
from staging.admin.lists import ListRefused, read
from staging.admin.unknown import unknown
from staging.batches import decide
from staging.models import AuditEvent, Batch, Snapshot
from tests.world import World

from .admin_line import opened_line, signed_in

UNKNOWN, CLAIM = "/mapping/customer/unknown/", "/mapping/customer/unknown/{}/"
CUSTOMERS, SPELLINGS = "/mapping/customer/", "/mapping/alias/"


@pytest.fixture
def line(world: World, settings: Any, monkeypatch: pytest.MonkeyPatch) -> World:
    return opened_line(world, settings, monkeypatch)


@pytest.fixture
def strangers(line: World) -> World:
    """A board with one order, and rows of names that nobody claims."""
    line.add(1)
    for number, name in enumerate(("TIDEWATER", "Tidewater ", "HARBOUR (NZ)", "", None), 10):
        line.add(number, CUSTOMER=name)
    line.sync()
    return line


def text_of(response: Any) -> str:
    return unescape(re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", response.content.decode())))


def said(response: Any) -> list[str]:
    return [unescape(re.sub(r"<[^>]+>", "", str(message))) for message in response.context["messages"]]


def test_the_list_shows_orders_last_sync_and_mapping_of_each_customer(strangers: World) -> None:
    page = text_of(signed_in("viewer").get(CUSTOMERS))
    assert re.search(r"HARBOUR HARBOUR HARBOUR \(AU\) HARBOUR \(US\) 1 0 [^✓]*?ago . Completed version 1", page), page
    assert "3 unknown names" in page
    assert "Import a list" not in page


def test_the_number_of_orders_on_the_board_opens_as_many_rows(line: World) -> None:
    for number in range(1, 8):
        line.add(number)
    line.sync()
    line.drop(1)
    line.sync()
    client = signed_in("viewer")
    page = client.get(CUSTOMERS).content.decode()
    found = re.search(r'href="(/staging/snapshot/\?[^"]*)">6</a>', page)
    assert found, text_of(client.get(CUSTOMERS))
    rows = client.get(unescape(found[1])).context["cl"].queryset
    assert rows.count() == 6 and set(rows.values_list("state", flat=True)) == {"linked"}
    assert Snapshot.objects.filter(state="removed").count() == 1


def test_a_sync_of_one_customer_is_no_sync_of_the_others(line: World) -> None:
    line.add(1)
    line.sync(customers=("HARBOUR (AU)",), customer_name="HARBOUR")
    page = text_of(signed_in("viewer").get(CUSTOMERS))
    assert re.search(r"B'HOOD .*? none yet", page)


def test_what_is_in_hand_is_counted_and_the_list_asks_few_questions(
    line: World, django_assert_max_num_queries: Any
) -> None:
    for number in (1, 2):
        line.add(number)
    line.stage()
    client = signed_in("viewer")
    with django_assert_max_num_queries(25):
        page = text_of(client.get(CUSTOMERS))
    assert re.search(r"HARBOUR \(US\) 0 2 [^◔]*?ago ◔ Waiting", page), page


def test_unknown_names_are_listed_with_their_rows_and_whom_they_may_mean(strangers: World) -> None:
    assert [(each.name, each.rows) for each in unknown()] == [("", 2), ("TIDEWATER", 2), ("HARBOUR (NZ)", 1)]
    page = text_of(signed_in("administrator").get(UNKNOWN))
    assert "5 rows of the source name a customer that no document claims" in page
    assert "Spelling of HARBOUR ..." in page
    assert "The rows name no customer. Remedy: fill the cell in the source." in page
    watched = text_of(signed_in("viewer").get(UNKNOWN))
    assert "New customer" not in watched
    assert "An administrator gives it to a customer." in watched


def test_a_name_becomes_a_customer_in_two_clicks_and_the_next_sync_stages_its_rows(strangers: World) -> None:
    client = signed_in("administrator")
    listed = client.get(UNKNOWN).content.decode()
    (first,) = re.findall(r'href="([^"]*unknown/customer/\?name=TIDEWATER)"', listed)
    page = client.get(unescape(first))
    assert "2 rows of the source name TIDEWATER" in text_of(page)
    second = client.post(first, {"name": "TIDEWATER", "customer": "TIDEWATER", "note": ""}, follow=True)
    assert second.redirect_chain[-1][0] == UNKNOWN
    (message,) = said(second)
    assert "TIDEWATER belongs to TIDEWATER. The next sync stages its 2 rows." in message
    version = Version.objects.get(document__customer__name="TIDEWATER")
    assert (version.author, version.note) == ("administrator", "TIDEWATER was unknown in 2 rows")
    event = AuditEvent.objects.filter(action="mapping.published").latest("id")
    assert (event.actor, event.subject) == ("administrator", "customer TIDEWATER")
    assert "TIDEWATER" not in [each.name for each in unknown()]
    report = strangers.stage()
    assert (report.counts.new, report.counts.invalid) == (2, 3)
    assert Batch.objects.latest("id").customer.name == "TIDEWATER"


def test_a_name_becomes_a_spelling_and_the_documents_other_lines_stay(strangers: World) -> None:
    strangers.publish("# ours\nversion: 1\ncustomer: HARBOUR\naliases: [HARBOUR (AU), HARBOUR (US)]\n# the end\n")
    client = signed_in("administrator")
    address = CLAIM.format("spelling")
    page = client.get(address, {"name": "HARBOUR (NZ)"})
    assert '<option value="HARBOUR" selected>' in page.content.decode()
    done = client.post(address, {"name": "HARBOUR (NZ)", "customer": "HARBOUR"}, follow=True)
    assert "HARBOUR (NZ) belongs to HARBOUR" in said(done)[0]
    held = Version.objects.published().get(document__customer__name="HARBOUR")
    assert held.text.startswith("# ours\n")
    assert held.text.endswith("# the end\n")
    assert strangers.stage().counts.new == 1


@pytest.mark.parametrize(
    ("become", "fields", "words"),
    [
        ("customer", {"name": "TIDEWATER", "customer": "HARBOUR (AU)"}, "a spelling of HARBOUR already"),
        ("customer", {"name": "TIDEWATER", "customer": " "}, "The customer has no name. Remedy"),
        ("customer", {"name": "TIDEWATER", "customer": "x" * 201}, "more than 200 characters"),
        ("customer", {"name": "NOBODY", "customer": "NOBODY"}, "not among the unknown names any more"),
        ("customer", {"name": "", "customer": "X"}, "fill the cell in the source"),
        ("spelling", {"name": "TIDEWATER", "customer": "GONE"}, "There is no customer GONE"),
        ("spelling", {"name": "TIDEWATER", "customer": ""}, "There is no customer"),
    ],
)
def test_what_cannot_be_claimed_is_refused_in_words_and_nothing_is_written(
    strangers: World, become: str, fields: dict[str, str], words: str
) -> None:
    before = Version.objects.count()
    response = signed_in("administrator").post(CLAIM.format(become), fields, follow=True)
    assert response.status_code == 200
    assert any(words in each for each in said(response)), said(response)
    assert Version.objects.count() == before


def test_an_odd_name_can_be_claimed_as_it_is(line: World) -> None:
    name = '<b>O\'NEIL & "CO" | 云 [x]: #1'
    line.add(1, CUSTOMER=name)
    line.sync()
    page = signed_in("administrator").get(UNKNOWN).content.decode()
    assert "<b>O'NEIL" not in page
    done = signed_in("administrator").post(CLAIM.format("customer"), {"name": name, "customer": name}, follow=True)
    assert len(said(done)) == 1, said(done)
    assert Customer.objects.filter(name=name).exists()
    assert line.stage().counts.new == 1


def test_a_name_that_is_claimed_meanwhile_is_said_to_be_so(strangers: World) -> None:
    client = signed_in("administrator")
    strangers.publish("version: 1\ncustomer: TIDEWATER\n")
    done = client.post(CLAIM.format("customer"), {"name": "TIDEWATER", "customer": "TIDEWATER"}, follow=True)
    assert "not among the unknown names any more" in said(done)[0]


# --- lists that come in ----------------------------------------------------------------------------------------------
def given(client: Client, where: str, data: bytes, name: str = "list.csv") -> Any:
    return client.post(f"{where}import/", {"file": SimpleUploadedFile(name, data)}, follow=True)


def confirmed(client: Client, where: str, preview: Any) -> Any:
    return client.post(f"{where}import/", {"confirmed": preview.context["held"]}, follow=True)


def spellings(customer: str) -> set[str]:
    return set(Alias.objects.filter(customer__name=customer).values_list("text", flat=True))


def test_a_list_is_shown_first_and_imported_when_confirmed(line: World) -> None:
    client = signed_in("administrator")
    before, published = Version.objects.count(), AuditEvent.objects.filter(action="mapping.published").count()
    preview = given(client, CUSTOMERS, b'customer,aliases\nHARBOUR,"HARBOUR (AU)\nHARBOUR UK"\nNEWCOMER,\n')
    page = text_of(preview)
    assert "2 of 2 rows would change something" in page
    assert re.search(r"Changes HARBOUR \+ HARBOUR UK HARBOUR \(US\)", page)
    assert (Version.objects.count(), AuditEvent.objects.filter(action="mapping.published").count()) == (
        before,
        published,
    )
    done = confirmed(client, CUSTOMERS, preview)
    assert said(done) == ["Imported: 1 new, 1 changed, 0 stay as they were."]
    assert spellings("HARBOUR") == {"HARBOUR", "HARBOUR (AU)", "HARBOUR UK"}
    assert Customer.objects.filter(name="NEWCOMER").exists()
    assert AuditEvent.objects.filter(actor="administrator", action="mapping.published").count() == 2


@pytest.mark.parametrize("format_", ["csv", "xlsx"])
@pytest.mark.parametrize("where", [CUSTOMERS, SPELLINGS])
def test_an_export_comes_in_again_without_a_change(line: World, where: str, format_: str) -> None:
    line.publish('version: 1\ncustomer: "=1+1"\naliases: ["@SUM(A1)", "\'=quoted", "-5", "\'plain", \'a;b,c\']\n')
    client = signed_in("administrator")
    out = client.get(f"{where}export/?format={format_}").content
    page = text_of(given(client, where, out, f"list.{format_}"))
    assert "The list says what holds already" in page, page


@pytest.mark.parametrize("where", [CUSTOMERS, SPELLINGS])
def test_no_cell_of_an_export_is_a_formula(line: World, where: str) -> None:
    line.publish('version: 1\ncustomer: "=cmd|\'/c calc\'!A1"\naliases: ["+1", "-1+1", "@x"]\n')
    data = signed_in("viewer").get(f"{where}export/?format=xlsx").content
    cells = [cell for row in openpyxl.load_workbook(io.BytesIO(data)).active.iter_rows() for cell in row]
    assert any("cmd" in str(cell.value) for cell in cells)
    for cell in cells:
        assert cell.data_type != "f"
        assert not str(cell.value).startswith(("=", "+", "-", "@"))
    lines = signed_in("viewer").get(f"{where}export/?format=csv").content.decode()
    for cell in (cell for row in csv.reader(io.StringIO(lines)) for cell in row):
        assert not cell.startswith(("=", "+", "-", "@")), lines


def test_a_row_that_is_refused_keeps_the_whole_list_out(line: World) -> None:
    client = signed_in("administrator")
    preview = given(client, SPELLINGS, b"customer,alias\nHARBOUR,HARBOUR UK\nHARBOUR,BHOOD\n")
    page = text_of(preview)
    assert "1 row cannot be imported, so nothing is" in page
    assert "The alias belongs to B'HOOD. Remedy: remove it from the document of B'HOOD first." in page
    assert 'name="confirmed"' not in preview.content.decode()
    done = confirmed(client, SPELLINGS, preview)
    assert "HARBOUR UK" not in spellings("HARBOUR")
    assert "have changed since" in said(done)[0]


def test_documents_that_moved_since_the_preview_are_shown_anew(line: World) -> None:
    client = signed_in("administrator")
    preview = given(client, CUSTOMERS, b"customer,aliases\nHARBOUR,HARBOUR (AU)\n")
    line.publish("version: 1\ncustomer: HARBOUR\naliases: [HARBOUR (AU), HARBOUR (FR)]\n")
    again = confirmed(client, CUSTOMERS, preview)
    assert "have changed since" in said(again)[0]
    assert "HARBOUR (FR)" in text_of(again)
    assert "HARBOUR (FR)" in spellings("HARBOUR")
    confirmed(client, CUSTOMERS, again)
    assert spellings("HARBOUR") == {"HARBOUR", "HARBOUR (AU)"}


def test_a_preview_belongs_to_its_person_and_its_list(line: World) -> None:
    client = signed_in("administrator")
    preview = given(client, CUSTOMERS, b"customer,aliases\nHARBOUR,\n")
    for where, held in ((SPELLINGS, preview.context["held"]), (CUSTOMERS, preview.context["held"][:-2] + "xx")):
        done = client.post(f"{where}import/", {"confirmed": held}, follow=True)
        assert said(done) == ["The preview cannot be used any more. Remedy: give the file again."]
    assert "HARBOUR (AU)" in spellings("HARBOUR")


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "empty"),
        (b"customer\nA\n", "no column aliases"),
        (b"customer,aliases\n", "no rows"),
        (b"customer,aliases\n,\n", "no rows"),
        (b"\xff\xfe\xff", "not UTF-8"),
        (b"customer,aliases\nA\xff,B\n", "not UTF-8"),
        (b"customer,aliases\nA\0,B\n", "binary"),
        (b"PK\x03\x04 no zip at all", "no readable XLSX"),
        (b'customer,aliases\n"A,B\n', "no readable CSV"),
        (b"customer,aliases\nA,B,C\n", "Row 2 has more cells"),
        (b"customer,aliases\n" + b"A,B\n" * 5_001, "more than 5,000 rows"),
        (b"x" * 1_000_001, "larger than 1 MB"),
    ],
)
def test_a_file_that_is_no_list_is_refused_in_words(data: bytes, words: str) -> None:
    with pytest.raises(ListRefused, match=re.escape(words)) as refusal:
        read(data, ("customer", "aliases"))
    assert "Remedy" in str(refusal.value)


def test_a_refused_file_is_said_at_its_field(line: World) -> None:
    page = text_of(given(signed_in("administrator"), CUSTOMERS, b"customer\nA\n"))
    assert "The file has no column aliases. Remedy: its heading row needs customer, aliases." in page
    page = text_of(signed_in("administrator").post(f"{CUSTOMERS}import/", {}))
    assert "This field is required." in page


@pytest.mark.parametrize(
    "data",
    [
        b"aliases;Customer\nHARBOUR (AU);HARBOUR\n",
        b"\xef\xbb\xbfcustomer\taliases\nHARBOUR\tHARBOUR (AU)\n",
        "customer,aliases\r\nHARBOUR,HARBOUR (AU)\r\n".encode("utf-16"),
        b"customer, ALIASES ,remark\nHARBOUR,HARBOUR (AU),mine\n\n",
    ],
)
def test_lists_of_other_programs_are_read(data: bytes) -> None:
    assert read(data, ("customer", "aliases")).dict == [{"customer": "HARBOUR", "aliases": "HARBOUR (AU)"}]


def test_rows_are_numbered_as_a_spreadsheet_shows_them() -> None:
    columns = ("customer", "aliases")
    assert read(b'\ncustomer,aliases\nA,"x\ny"\n\n,\nB,\n', columns).numbers == (3, 6)
    with pytest.raises(ListRefused, match="Row 4 has more cells"):
        read(b"customer,aliases\nA,\n\nB,x,y\n", columns)
    book = openpyxl.Workbook()
    for row in (columns, ("A", None), (None, None), ("B", "x")):
        book.active.append(row)  # type: ignore[union-attr]
    book.save(file := io.BytesIO())
    assert read(file.getvalue(), columns).numbers == (2, 4)


def test_a_list_that_names_a_column_twice_is_refused() -> None:
    with pytest.raises(ListRefused, match="names the column customer twice"):
        read(b"customer,Customer ,aliases\nHARBOUR,ARDEN,\n", ("customer", "aliases"))


def test_who_may_not_publish_may_not_bring_a_list_or_claim_a_name(strangers: World) -> None:
    for role in ("viewer", "operator", "approver"):
        client = signed_in(role)
        for address in (f"{CUSTOMERS}import/", f"{SPELLINGS}import/", CLAIM.format("customer")):
            assert client.get(address).status_code == 403
            assert client.post(address, {"name": "TIDEWATER", "customer": "TIDEWATER"}).status_code == 403
    assert not Customer.objects.filter(name="TIDEWATER").exists()


def test_a_claim_comes_by_post_with_its_token_only(strangers: World) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(signed_in("administrator").get(UNKNOWN).context["user"])
    assert client.post(CLAIM.format("customer"), {"name": "TIDEWATER", "customer": "TIDEWATER"}).status_code == 403
    client.get(CLAIM.format("customer"), {"name": "TIDEWATER", "customer": "TIDEWATER"})
    assert not Customer.objects.filter(name="TIDEWATER").exists()


def test_a_declined_order_stays_declined_when_its_customer_is_renamed_by_a_spelling(strangers: World) -> None:
    client = signed_in("administrator")
    client.post(CLAIM.format("customer"), {"name": "TIDEWATER", "customer": "TIDEWATER"})
    strangers.stage()
    decide.decline(batch=strangers.batch(), actor="ben", now=strangers.clock.now(), reason="not agreed")
    assert strangers.stage().counts.staged == 0
