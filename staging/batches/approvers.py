"""Who may approve a batch: the approvers that the mapping's policy names, and with four eyes nobody's own work."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from django.contrib.auth import get_user_model
from django.contrib.auth.models import AbstractUser
from django.db.models import Q

from mapping.core.rules import Policy
from mapping.publish import NoMapping, PublishedFamily, load_family
from staging.models import Batch, Snapshot, StagedOrder

RIGHT = "staging.approve_batch"
SECOND = "Four eyes are wanted. Remedy: ask a second person."


def why_not_approve(batch: Batch, mappings: PublishedFamily, actor: str) -> str:
    """Empty where this person may approve the batch, else a sentence. A published policy is no person.

    Persons are compared by name: `cli:ben` and `ben` are the same one.
    """
    if actor.startswith("policy:"):
        return ""
    name, policy = person(actor), policy_of(batch, mappings)
    if refused := _unnamed(batch, policy, name):
        return refused
    if policy.four_eyes:
        if name == person(batch.run.actor):
            return f"{name} started run {batch.run_id} that staged it. {SECOND}"
        if name in {person(author) for author in _authors(batch)}:
            return f"{name} wrote the mapping that it follows. {SECOND}"
    if name in released_by(batch):
        return (
            f"{name} released its removals, which are more than the cap allows at once. "
            "Remedy: a second person approves them, or untick the removals."
        )
    return ""


def why_not_answer(of: Batch | Snapshot, actor: str) -> str:
    """Empty where this person may decline, withdraw or undo the batch, or link another item to the order, else a
    sentence: where the published policy names approvers, they alone answer for the customer. A second person is not
    wanted, as nothing new goes out."""
    try:
        mappings = load_family(of.board.board_id)
    except NoMapping:
        return ""  # no policy holds that names anybody
    return "" if actor.startswith("policy:") else _unnamed(of, policy_of(of, mappings), person(actor))


def _unnamed(of: Batch | Snapshot, policy: Policy, name: str) -> str:
    if not policy.approvers or named(name, policy.approvers):
        return ""
    return (
        f"{name} is no approver of {of.customer.name}. "
        f"Remedy: ask one of them, which the mapping's policy names: {', '.join(policy.approvers)}."
    )


def policy_of(of: Batch | Snapshot, mappings: PublishedFamily) -> Policy:
    """The published policy for the customer of a batch or an order."""
    family, name = mappings.family, of.customer.name
    return (family.mapping(name) if name in family.customers else family.default).policy


def released_by(batch: Batch) -> set[str]:
    """Who let removals above the cap go on, of those that an approval would send out."""
    removals = StagedOrder.objects.filter(batch=batch, state="staged", operation="remove", problem__isnull=False)
    problems = removals.order_by("id").values_list("problem", flat=True)
    return {person(one["released_by"]) for one in problems.iterator() if one and one.get("released_by")}


def person(actor: str) -> str:
    """The person behind an actor of the audit, without the way they came."""
    return actor.removeprefix("cli:").casefold()


def named(name: str, approvers: Iterable[str]) -> bool:
    """Whether this person, or a group that they are in, is among the named approvers."""
    wanted = [one.casefold() for one in approvers]
    return name in wanted or any(group.casefold() in wanted for group in _groups(name))


def able(approvers: Sequence[str]) -> list[AbstractUser]:
    """The active people whose role may approve and whom the policy names (anybody, where it names nobody)."""
    users: Any = get_user_model().objects
    found = users.with_perm(RIGHT, backend="django.contrib.auth.backends.ModelBackend").order_by("pk")
    return [user for user in found if not approvers or named(person(user.get_username()), approvers)]


def _authors(batch: Batch) -> list[str]:
    """Who wrote the mapping versions that the batch has pinned; what the program published is nobody's."""
    versions = [batch.board_version, batch.customer_version]
    authors = [version.author for version in versions if version is not None]
    return [author for author in authors if not author.startswith("policy:")]


def _groups(name: str) -> list[str]:
    users: Any = get_user_model().objects
    return list(users.filter(Q(username__iexact=name), groups__isnull=False).values_list("groups__name", flat=True))
