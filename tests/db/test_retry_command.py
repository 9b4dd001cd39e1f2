"""`retry_rejected`: which orders go out again or are given up, and what is refused in words."""

from __future__ import annotations

import pytest
from django.core.management import CommandError, call_command

from staging.models import AuditEvent, StagedOrder
from tests.world import World, uuid


@pytest.fixture
def refused(world: World) -> World:
    """Two orders of one approved batch in need of attention, refused with two codes."""
    for number in (1, 2):
        world.add(number)
    world.stage()
    batch = world.approve()
    for number, code in ((1, "A"), (2, "B")):
        StagedOrder.objects.filter(record=uuid(number)).update(state="rejected", problem={"code": code})
    type(batch).objects.filter(pk=batch.pk).update(state="needs_attention")
    return world


def test_one_code_goes_out_again_and_the_others_stay(refused: World, capsys: pytest.CaptureFixture[str]) -> None:
    call_command("retry_rejected", code="A")
    assert [refused.state(1), refused.state(2)] == ["approved", "rejected"]
    pk = refused.batch().pk
    assert f"Batch {pk}: 1 order to go out again. Next: batches push {pk}" in capsys.readouterr().out
    refused.push()
    assert refused.on_board(1) and not refused.on_board(2)


def test_giving_up_keeps_its_reason(refused: World) -> None:
    call_command("retry_rejected", customer="HARBOUR", give_up="too old")
    assert [refused.state(1), refused.state(2)] == ["given_up", "given_up"]
    event = AuditEvent.objects.get(action="order.give_up")
    assert (event.reason, event.actor[:4]) == ("too old", "cli:")


@pytest.mark.parametrize(
    "asked", [{}, {"all": True, "code": "A"}, {"all": True, "give_up": " "}, {"customer": "NOBODY"}]
)
def test_what_cannot_be_meant_is_refused_in_words(refused: World, asked: dict[str, object]) -> None:
    with pytest.raises(CommandError, match="Remedy") as refusal:
        call_command("retry_rejected", **asked)
    assert refusal.value.returncode == 2
    assert refused.state(1) == "rejected"


def test_a_batch_that_cannot_be_pushed_is_named(refused: World, capsys: pytest.CaptureFixture[str]) -> None:
    batch = refused.batch()
    type(batch).objects.filter(pk=batch.pk).update(state="undone")
    with pytest.raises(SystemExit) as stopped:
        call_command("retry_rejected", all=True)
    assert stopped.value.code == 2
    assert f"Batch {batch.pk} is undone and cannot be pushed" in capsys.readouterr().err
    assert refused.state(1) == "rejected"


@pytest.mark.parametrize("word", ["x", "-1", "9" * 30, ""])
def test_what_is_no_number_of_an_order_is_a_sentence(refused: World, word: str) -> None:
    with pytest.raises(CommandError, match=r"^--order must be the number of a staged order, not .* Remedy: ") as usage:
        call_command("retry_rejected", "--order", word)
    assert usage.value.returncode == 2 and refused.state(1) == "rejected"
