"""Spellings of customers' names: given to a customer by publishing its document, never beside it.

Each function opens the transaction of `publish_text`; the event that `record` writes commits with it.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from .core.problems import Problem
from .core.texts import fold, one_line
from .imports.writing import NotEditable, new_customer, with_aliases
from .models import Alias, Customer, DocumentKind, Version
from .publish import AlreadyThere, NotPublishable, Recorder, publish_new, publish_text

__all__ = [
    "AlreadyThere",
    "Claimed",
    "NotEditable",
    "NotPublishable",
    "add_spelling",
    "aliases_become",
    "make_customer",
]


class Claimed(Exception):
    """The spelling belongs to a customer already, `customer`. Nothing was written."""

    def __init__(self, spelling: str, customer: str) -> None:
        super().__init__(f"{spelling} is a spelling of {customer} already.")
        self.customer = customer


def aliases_become(
    *, customer: str, aliases: Sequence[str], actor: str, note: str, now: datetime, record: Recorder
) -> Version:
    """Publish the customer's document with exactly these aliases beside its own name, made where it is new.

    Raises NotEditable where its layout forbids that, and NotPublishable, for one where an alias is another customer's.
    """
    held = Version.objects.published().filter(document__kind=DocumentKind.CUSTOMER, document__customer__name=customer)
    text = next((each.text for each in held), None)
    changed = new_customer(customer, aliases) if text is None else with_aliases(text, aliases)
    return publish_text(text=changed, actor=actor, note=note, now=now, record=record)


def add_spelling(*, customer: str, spelling: str, actor: str, note: str, now: datetime, record: Recorder) -> Version:
    """Publish the customer's document with one more alias.

    Raises Claimed, NotPublishable (also where there is no such customer), and NotEditable.
    """
    if not Customer.objects.filter(name=customer).exists():
        missing = Problem(0, 0, "customer", f"there is no customer {customer}", "Choose one from the list.")
        raise NotPublishable((missing,))
    _check_free(spelling)
    known = Alias.objects.filter(customer__name=customer).order_by("pk").values_list("text", flat=True)
    others = [text for text in known if fold(text) != fold(customer)]
    return aliases_become(
        customer=customer, aliases=[*others, one_line(spelling)], actor=actor, note=note, now=now, record=record
    )


def make_customer(*, name: str, spelling: str, actor: str, note: str, now: datetime, record: Recorder) -> Version:
    """Publish the first document of a customer; the spelling is an alias where it is not the name itself.

    Raises Claimed, AlreadyThere and NotPublishable.
    """
    for each in (spelling, name):
        _check_free(each)
    aliases = [one_line(spelling)] if fold(spelling) != fold(name) else []
    return publish_new(text=new_customer(one_line(name), aliases), actor=actor, note=note, now=now, record=record)


def _check_free(spelling: str) -> None:
    owner = Alias.objects.select_related("customer").filter(folded=fold(spelling)).first()
    if owner is not None:
        raise Claimed(one_line(spelling), owner.customer.name)
