"""Who may approve: the approvers that a policy names, four eyes, and a second person for many removals."""

from __future__ import annotations

from typing import Any

import pytest

from mapping.publish import load_family
from ordersite import roles
from ordersite.doctor import approvers as doctor
from staging.core.lifecycle import NotAllowed
from staging.decide import approve, release
from staging.models import Batch, StagedOrder
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
