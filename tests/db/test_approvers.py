"""Who may approve: the approvers that a policy names, four eyes, and a second person for many removals."""

from __future__ import annotations

from html import unescape
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from mapping.publish import load_family
from ordersite import roles
from ordersite.doctor import approvers as doctor
from staging.admin.decisions import what_is_shown
from staging.batches.approvers import why_not_answer
from staging.batches.decide import approve, release
from staging.core.lifecycle import NotAllowed
from staging.models import Batch, StagedOrder, SyncRun
from staging.running.asking import ask_undo
from tests.core.mapping_samples import BOARD, HARBOUR
from tests.world import World

from .admin_line import opened_line, person, signed_in

FOUR_EYES = BOARD + "policy: {four_eyes: true}\n"


def say_yes(world: World, actor: str, batch: Batch | None = None, only: list[int] | None = None) -> int:
    setup, batch = world.setup(), batch or world.batch()
    more: dict[str, Any] = {"structure": setup.structure, "now": world.clock.now(), "only": only}
    return approve(batch=batch, mappings=setup.mappings, actor=actor, **more)


def test_with_four_eyes_who_started_the_run_cannot_approve_it_by_whatever_way(world: World) -> None:
    world.publish(FOUR_EYES)
    world.add(1)
    world.stage()
    run = world.batch().run
    run.actor = "cli:Ben"
    run.save()
    for actor in ("ben", "cli:ben", "BEN"):
        with pytest.raises(NotAllowed, match="started run"):
            say_yes(world, actor)
    assert world.state(1) == "staged"
    assert say_yes(world, "eve") == 1


def test_with_four_eyes_who_wrote_the_mapping_cannot_approve_what_follows_it(world: World) -> None:
    world.publish(FOUR_EYES)
    world.add(1)
    world.stage()
    version = world.batch().board_version
    version.author = "eve"
    version.save()
    with pytest.raises(NotAllowed, match="wrote the mapping"):
        say_yes(world, "eve")
    assert say_yes(world, "ben") == 1


def test_without_four_eyes_one_person_may_do_both(world: World) -> None:
    world.add(1)
    world.stage()
    assert say_yes(world, "cli") == 1


def test_only_the_named_approvers_of_a_customer_approve_its_batches(world: World) -> None:
    world.publish(HARBOUR + "policy: {approvers: [eve]}\n")
    world.add(1)
    world.stage()
    with pytest.raises(NotAllowed, match=r"ben is no approver of HARBOUR.*eve"):
        say_yes(world, "ben")
    assert say_yes(world, "cli:eve") == 1


def test_an_approver_may_be_named_by_group(world: World, settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    opened_line(world, settings, monkeypatch)
    person("approver")
    world.publish(HARBOUR + "policy: {approvers: [Approver]}\n")
    world.add(1)
    world.stage()
    with pytest.raises(NotAllowed, match="no approver"):
        say_yes(world, "viewer")
    assert say_yes(world, "approver") == 1


def test_the_button_says_why_this_person_may_not(world: World, settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    opened_line(world, settings, monkeypatch)
    world.publish(HARBOUR + "policy: {approvers: [eve]}\n")
    world.add(1)
    world.stage()
    page = signed_in("approver").get(f"/staging/batch/{world.batch().pk}/change/")
    (button,) = [one for one in page.context["buttons"] if one.action == "approve"]
    assert "approver is no approver of HARBOUR" in button.why_not
    (only,) = [one for one in page.context["tick_actions"] if one.action == "approve"]
    assert only.why_not == button.why_not
    address, row = f"/staging/batch/{world.batch().pk}/ticks/", world.order(1).pk
    bar = signed_in("approver").post(address, {"row": row, "orders": row}, headers={"HX-Request": "true"})
    text = unescape(bar.content.decode())
    assert f'value="approve" disabled title="{button.why_not}"' in text and 'value="hold">' in text


def test_removals_above_the_cap_take_two_people(world: World) -> None:
    for number in range(1, 41):
        world.add(number)
    world.sync()
    for number in range(1, 7):
        world.drop(number)
    world.stage()
    batch = world.batch()
    held = list(StagedOrder.objects.filter(batch=batch, operation="remove").values_list("pk", flat=True))
    assert len(held) == 6
    assert release(batch=batch, orders=held, actor="cli:ben", now=world.clock.now()) == 6
    with pytest.raises(NotAllowed, match="ben released its removals"):
        say_yes(world, "ben", batch)
    assert say_yes(world, "eve", batch) == 6
    world.push(batch)
    world.check_equal()


def test_the_doctor_warns_where_four_eyes_leave_nobody(world: World) -> None:
    from django.contrib.auth.models import Group, Permission

    roles.establish(Group, Permission)
    world.publish(FOUR_EYES)
    families = [load_family().family]
    assert "nobody may approve" in next(doctor.examine(families)).message
    person("approver")
    assert "approver alone" in next(doctor.examine(families)).message
    person("administrator")
    assert list(doctor.examine(families)) == []


# --- by address, from lists and from the command line -----------------------------------------------------------------
def eyes_line(world: World, settings: Any, monkeypatch: pytest.MonkeyPatch, started_by: str) -> Batch:
    """A batch under four eyes whose run this person started."""
    opened_line(world, settings, monkeypatch)
    world.publish(FOUR_EYES)
    world.add(1)
    world.stage()
    batch = world.batch()
    SyncRun.objects.filter(pk=batch.run_id).update(actor=started_by)
    return batch


def press(role: str, batch: Batch) -> list[str]:
    """What is said to somebody who sends the form of an approval, whatever their page had shown."""
    client = signed_in(role)
    fields = {"ids": batch.pk, "removals": "1", f"shown-{batch.pk}": what_is_shown(batch), "push_after": "on"}
    told = client.post("/staging/batch/act/approve/", fields, follow=True)
    return [str(message) for message in told.context["messages"]]


def test_four_eyes_hold_against_a_form_that_is_sent_by_hand(
    world: World, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    batch = eyes_line(world, settings, monkeypatch, "cli:approver")
    run = batch.run_id
    why = f"approver started run {run} that staged it. Four eyes are wanted. Remedy: ask a second person."
    assert press("approver", batch) == [f"Batch {batch.pk}: {why}"]
    assert world.state(1) == "staged" and not SyncRun.objects.filter(kind="push").exists()
    page = signed_in("approver").get(f"/staging/batch/{batch.pk}/change/").content.decode()
    assert why in page and f'?ids={batch.pk}" title="These changes may go out' not in page
    assert press("administrator", batch) == [f"Batch {batch.pk}: 1 order approved. The push is on its way."]
    assert world.state(1) == "approved"


def test_the_list_action_leaves_out_what_this_person_may_not_approve(
    world: World, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened_line(world, settings, monkeypatch)
    world.publish(HARBOUR + "policy: {approvers: [eve]}\n")
    world.add(1)
    world.add(2, CUSTOMER="B'HOOD")
    world.stage()
    theirs, ours = Batch.objects.get(customer__name="HARBOUR"), Batch.objects.get(customer__name="B'HOOD")
    client = signed_in("approver")
    ids = [theirs.pk, ours.pk]
    confirm = client.post("/staging/batch/", {"action": "approve", "_selected_action": ids, "index": "0"}, follow=True)
    assert [row["batch"].pk for row in confirm.context["possible"]] == [ours.pk]
    assert "Left out: approver is no approver of HARBOUR." in confirm.content.decode()
    fields = {f"shown-{batch.pk}": what_is_shown(batch) for batch in (theirs, ours)}
    told = client.post("/staging/batch/act/approve/", {"ids": ids, "removals": "1", **fields}, follow=True)
    assert sorted((str(message) for message in told.context["messages"]), key=len, reverse=True) == [
        f"Batch {theirs.pk}: approver is no approver of HARBOUR. "
        "Remedy: ask one of them, which the mapping's policy names: eve.",
        f"Batch {ours.pk}: 1 order approved.",
    ]
    assert (world.state(1), world.state(2)) == ("staged", "approved")


def test_the_approvers_of_all_customers_stand_in_the_boards_document(
    world: World, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened_line(world, settings, monkeypatch)
    world.publish(BOARD + "policy: {approvers: [administrator]}\n")
    world.publish(HARBOUR + "policy: {approvers: [approver]}\n")
    world.add(1)
    world.add(2, CUSTOMER="B'HOOD")
    world.stage()
    harbour, bhood = Batch.objects.get(customer__name="HARBOUR"), Batch.objects.get(customer__name="B'HOOD")
    assert "no approver of B'HOOD" in press("approver", bhood)[0]
    assert "no approver of HARBOUR" in press("administrator", harbour)[0]
    assert press("approver", harbour)[0].startswith(f"Batch {harbour.pk}: 1 order approved.")
    assert press("administrator", bhood)[0].startswith(f"Batch {bhood.pk}: 1 order approved.")


def test_the_command_line_is_held_to_the_same_approvers(
    world: World, settings: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    batch = eyes_line(world, settings, monkeypatch, "ben")
    monkeypatch.setattr("staging.management.batch_actions.actor", lambda: "cli:Ben")
    code = quietly("batches", "approve", str(batch.pk))
    said = capsys.readouterr()
    assert code == 2 and "ben started run" in said.out + said.err, (code, said)
    assert world.state(1) == "staged"
    monkeypatch.setattr("staging.management.batch_actions.actor", lambda: "cli:eve")
    assert quietly("batches", "approve", str(batch.pk)) == 0
    assert world.state(1) == "approved"


def quietly(*words: str) -> int:
    """The exit code of a command."""
    try:
        call_command(*words)
    except SystemExit as ended:
        return int(ended.code or 0)
    except CommandError as refused:
        print(refused)
        return refused.returncode
    return 0


def test_an_approver_of_other_customers_neither_declines_withdraws_nor_undoes(
    world: World, settings: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    opened_line(world, settings, monkeypatch)
    world.publish(HARBOUR + "policy: {approvers: [eve]}\n")
    world.add(1)
    world.stage()
    batch, client = world.batch(), signed_in("approver")
    no = f"Batch {batch.pk}: approver is no approver of HARBOUR. Remedy: ask one of them, which the mapping's policy"

    def pressed(action: str) -> str:
        batch.refresh_from_db()
        page = client.get(f"/staging/batch/{batch.pk}/change/")
        (button,) = [one for one in page.context["buttons"] if one.action == action]
        assert button.why_not.startswith("approver is no approver of HARBOUR.")
        fields = {"ids": batch.pk, "reason": "not mine"}
        told = client.post(f"/staging/batch/act/{action}/", fields, follow=True)
        return str(next(iter(told.context["messages"])))

    assert pressed("decline").startswith(no) and world.state(1) == "staged"
    monkeypatch.setattr("staging.management.batch_actions.actor", lambda: "cli:approver")
    assert quietly("batches", "decline", str(batch.pk), "--reason", "x") == 2 and world.state(1) == "staged"
    say_yes(world, "eve", batch)
    assert pressed("withdraw").startswith(no) and world.state(1) == "approved"
    world.push(batch)
    assert pressed("undo").startswith(no)
    assert "approver is no approver of HARBOUR" in client.get(f"/staging/batch/{batch.pk}/undo/").content.decode()
    assert quietly("batches", "undo", str(batch.pk), "--reason", "x", "--no-input") == 2
    assert "no approver of HARBOUR" in capsys.readouterr().err
    assert world.state(1) == "applied"
    world.publish(HARBOUR + "policy: {approvers: [eve, Approver]}\n")
    batch.refresh_from_db()
    assert why_not_answer(batch, "approver") == "" and why_not_answer(batch, "cli:eve") == ""
    assert ask_undo(batch, actor="approver", trigger="admin").kind == "undo"
