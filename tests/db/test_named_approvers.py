"""Approvers that a mapping names: a name that nobody has is warned of before it is published."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import Group, User

from mapping.vetting import Surroundings, vet

TEXT = "version: 1\ncustomer: HARBOUR\naliases: []\npolicy: {approvers: [%s]}\n"
NOWHERE = Surroundings({}, {})


@pytest.mark.parametrize(("name", "warned"), [("aprover", True), ("ANNA", False), ("Planners", False), ("ben", True)])
def test_a_name_that_nobody_has_is_warned_of_at_its_line(db: None, name: str, warned: bool) -> None:
    User.objects.create_user("anna")
    User.objects.create_user("ben", is_active=False)
    Group.objects.create(name="planners")
    found = [p for p in vet(document=None, text=TEXT % name, around=NOWHERE) if p.path == "policy.approvers"]
    assert [(p.line, p.severity) for p in found] == ([(4, "warning")] if warned else [])
    assert all(repr(name) in p.message for p in found)


def test_nobody_named_is_no_fault(db: None) -> None:
    found = vet(document=None, text=TEXT % "", around=NOWHERE)
    assert not [p for p in found if p.path == "policy.approvers"]
