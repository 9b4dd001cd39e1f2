"""One record, one spelling of its UUID."""

from __future__ import annotations

from uuid import UUID

import pytest

from staging.core.identity import Unreadable, canonical, canonical_page, derived

TEXT = "0f8fad5b-d9cb-469f-a165-70867728950e"


@pytest.mark.parametrize(
    "raw",
    [
        TEXT,
        TEXT.upper(),
        f"  {TEXT.upper()}\r\n",
        f"{{{TEXT}}}",
        TEXT.replace("-", ""),
        "{" + TEXT.replace("-", "") + "}",
        UUID(TEXT),
        UUID(TEXT).bytes,
        memoryview(UUID(TEXT).bytes),
        TEXT.upper().encode(),
    ],
)
def test_every_spelling_of_a_uuid_is_one_identity(raw: object) -> None:
    assert canonical(raw) == TEXT


@pytest.mark.parametrize("raw", [None, "", "   ", "\t\n", b"", " "])
def test_a_blank_identity_is_a_missing_one(raw: object) -> None:
    assert canonical(raw) is None


@pytest.mark.parametrize(
    "raw",
    [
        "N/A",
        "12345",
        TEXT[:-1],
        TEXT + "0",
        f"{{{TEXT}",
        "{" + TEXT.replace("-", ""),
        TEXT.replace("-", "") + "}",
        f"urn:uuid:{TEXT}",
        "0f8f-ad5bd9cb469fa16570867728950e",
        "０f8fad5b-d9cb-469f-a165-70867728950e",
        b"\xff\xfe",
        42,
        "x" * 10_000,
    ],
)
def test_other_text_is_refused_with_a_remedy(raw: object) -> None:
    with pytest.raises(Unreadable, match="Remedy") as refusal:
        canonical(raw)
    assert len(str(refusal.value)) < 250


def test_a_derived_uuid_is_stable_over_releases() -> None:
    assert derived(["PO-1", "STYLE", "NAVY", "77"]) == "94a8f592-c93b-57d5-b787-10b654ed5868"
    assert UUID(derived(["a"])).version == 5


def test_a_derived_uuid_ignores_blanks_around_values_and_nothing_else() -> None:
    assert derived([" a ", "b\t"]) == derived(["a", "b"])
    different = [
        ["a|b", "c"],
        ["a", "b|c"],
        ["a", "b", "c"],
        ["a b", "c"],
        ["A|b", "c"],
        ["c", "a|b"],
        ["", "a|b", "c"],
        [],
    ]
    assert len({derived(key) for key in different}) == len(different)


def test_a_derived_uuid_is_already_canonical() -> None:
    assert canonical(derived(["蓝", "B'HOOD"])) == derived(["蓝", "B'HOOD"])


def test_a_page_of_plain_uuids_is_read_at_once() -> None:
    page = [str(UUID(int=number)) for number in (1, 2**127, 2**128 - 1)]
    assert canonical_page([page[0], page[1].upper(), page[2]]) == page


def test_a_page_in_which_any_letter_stands_elsewhere_is_not_read_at_once() -> None:
    page = [str(UUID(int=number)) for number in (7, 2**128 - 1)]
    others = "g-,{} \u00e9\u212a\uff0d"
    for at, letter in ((at, letter) for at in range(36) for letter in others if page[0][at] != letter):
        assert canonical_page([page[0][:at] + letter + page[0][at + 1 :], page[1]]) is None, (at, letter)
    swapped = page[0][:7] + "-" + page[0][7] + page[0][9:]
    for odd in ([swapped, page[1]], [",".join(page)], [*page, ""], ["", *page], [page[0][:-1], page[1] + "0"], [1, 2]):
        assert canonical_page(odd) is None, odd
