"""Whether somebody may sign in, and is left who may approve, where a mapping names approvers or wants four eyes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from django.conf import settings
from django.contrib.auth.models import User

from mapping.core.family import Family
from staging.batches.approvers import able

from .finding import Finding, warning

NAME = "approvers"


def examine(families: Iterable[Family]) -> Iterator[Finding]:
    """One warning per policy that leaves nobody, or nobody but the one whose work it is; on a server also one where
    nobody may sign in."""
    if settings.PRODUCTION and not User.objects.filter(is_active=True, is_staff=True).exists():
        yield warning(NAME, "Nobody may sign in.", "python manage.py createsuperuser")
    policies = {mapping.policy for family in families for mapping in family.mappings()}
    for policy in sorted(policies, key=repr):
        people = [user.get_username() for user in able(policy.approvers)]
        whom = f" among {', '.join(policy.approvers)}" if policy.approvers else ""
        if policy.approvers and not people:
            words = f"The mapping's policy names approvers, and nobody{whom} may approve batches."
            yield warning(NAME, words, "Give one of them the role approver, or correct `policy.approvers`.")
        elif policy.four_eyes and len(people) < 2:
            who = f"{people[0]} alone" if people else "nobody"
            words = f"A mapping wants four eyes, and {who} may approve: what they start themselves waits for ever."
            yield warning(NAME, words, "Give a second person the role approver.")
