"""Customers and their aliases as CSV and XLSX. Coming in, they change the customers' documents and nothing beside them.

Every row that changes something publishes a text, so the preview of django-import-export, which does the same and
takes it back, shows exactly what would be refused.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.core.exceptions import ValidationError
from import_export.fields import Field
from import_export.resources import ModelResource
from import_export.widgets import CharWidget

from monday.core.spreadsheets import typed

from .core.texts import fold, one_line, raw_text
from .models import Alias, Customer
from .publish import NotPublishable, Recorder
from .spellings import NotEditable, aliases_become

NOTE = "imported list of customers"


class Text(CharWidget):  # type: ignore[misc]
    """One line of text, as the rows of the source are read."""

    def clean(self, value: Any, row: Any = None, **kwargs: Any) -> str:
        return one_line(typed(raw_text(value)))


class Lines(CharWidget):  # type: ignore[misc]
    """Several names in one cell, one a line: a name may hold any comma or bar."""

    def clean(self, value: Any, row: Any = None, **kwargs: Any) -> str:
        names = [one_line(name) for name in typed(raw_text(value)).splitlines()]
        return "\n".join(dict.fromkeys(name for name in names if name))


class Publishing(ModelResource):  # type: ignore[misc]
    """What both lists share: who imports, when, and where it is recorded; an export needs none of it."""

    def __init__(
        self, *, actor: str = "", now: datetime | None = None, record: Recorder | None = None, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.actor, self.now, self.record = actor, now, record

    def aliases_become(self, name: str, aliases: Sequence[str], field: str) -> None:
        """Publish the customer's document with these aliases, made where it is new. Raises ValidationError."""
        if self.record is None or self.now is None or not self.actor:
            raise ValidationError("Nothing can be imported here, since nobody would be named for it.")
        try:
            aliases_become(
                customer=name, aliases=aliases, actor=self.actor, note=NOTE, now=self.now, record=self.record
            )
        except NotEditable as refusal:
            raise ValidationError({field: str(refusal)}) from None
        except NotPublishable as refusal:
            said = [f"{problem.message} - {problem.remedy}" for problem in refusal.problems]
            raise ValidationError({field: said}) from None


class CustomerResource(Publishing):
    """A row per customer with all its aliases; coming in, the cell holds them all, and an alias not in it goes."""

    name = Field(attribute="name", column_name="customer", widget=Text())
    wanted = Field(attribute="wanted", column_name="aliases", widget=Lines())

    class Meta:
        model = Customer
        import_id_fields = ("name",)
        fields = export_order = ("name", "wanted")
        skip_unchanged = report_skipped = store_instance = True
        use_transactions = True
        clean_model_instances = False

    def get_queryset(self) -> Any:
        return Customer.objects.order_by("name").prefetch_related("aliases")

    def after_init_instance(self, instance: Customer, new: bool, row: Any, **kwargs: Any) -> None:
        """Give the instance the aliases that it has now, for the preview's comparison."""
        instance.wanted = self.dehydrate_wanted(instance)  # type: ignore[attr-defined]

    def dehydrate_wanted(self, customer: Customer) -> str:
        """All aliases of a customer, one a line, without its own name."""
        if hasattr(customer, "wanted"):
            return str(customer.wanted)
        texts = [] if customer.pk is None else [alias.text for alias in customer.aliases.all()]
        return "\n".join(sorted(text for text in texts if fold(text) != fold(customer.name)))

    def skip_row(self, instance: Customer, original: Customer, row: Any, import_validation_errors: Any = None) -> bool:
        """Whether the row says what holds already, in whatever order."""
        if instance.pk is None or import_validation_errors:
            return False
        return _folded(instance) == _folded(original)

    def do_instance_save(self, instance: Customer, is_create: bool) -> None:
        self.aliases_become(instance.name, _names(instance), "wanted")
        instance.pk = Customer.objects.values_list("pk", flat=True).get(name=instance.name)


class AliasResource(Publishing):
    """A row per alias; coming in, an alias is added to its customer, and none is taken away."""

    customer_name = Field(attribute="customer_name", column_name="customer", widget=Text())
    text = Field(attribute="text", column_name="alias", widget=Text())

    class Meta:
        model = Alias
        import_id_fields = ("text",)
        fields = export_order = ("customer_name", "text")
        skip_unchanged = report_skipped = store_instance = True
        use_transactions = True
        clean_model_instances = False

    def get_queryset(self) -> Any:
        return Alias.objects.order_by("customer__name", "text").select_related("customer")

    def get_instance(self, instance_loader: Any, row: Any) -> Alias | None:
        """The alias that this spelling is already, whatever its case."""
        folded = fold(typed(raw_text(row.get("alias"))))
        return Alias.objects.select_related("customer").filter(folded=folded).first() if folded else None

    def dehydrate_customer_name(self, alias: Alias) -> str:
        """The canonical name of the alias's customer."""
        return alias.customer.name

    def after_init_instance(self, instance: Alias, new: bool, row: Any, **kwargs: Any) -> None:
        """Give the instance its customer's name, for the preview's comparison."""
        instance.customer_name = "" if new else instance.customer.name  # type: ignore[attr-defined]

    def skip_row(self, instance: Alias, original: Alias, row: Any, import_validation_errors: Any = None) -> bool:
        """Whether the alias is the customer's already; one of another customer is for `do_instance_save` to refuse."""
        if instance.pk is None or import_validation_errors:
            return False
        return bool(instance.customer_name == instance.customer.name)  # type: ignore[attr-defined]

    def do_instance_save(self, instance: Alias, is_create: bool) -> None:
        name: str = instance.customer_name  # type: ignore[attr-defined]
        if not instance.text:
            raise ValidationError({"text": "The alias is empty. Remedy: write a spelling, or remove the row."})
        if not is_create:
            remedy = f"Remedy: remove it from the document of {instance.customer.name} first."
            raise ValidationError({"text": f"The alias belongs to {instance.customer.name}. {remedy}"})
        known = Alias.objects.filter(customer__name=name).order_by("pk").values_list("text", flat=True)
        others = [text for text in known if fold(text) not in (fold(name), fold(instance.text))]
        own = [] if fold(instance.text) == fold(name) else [instance.text]
        self.aliases_become(name, [*others, *own], "text")
        made = Alias.objects.get(folded=fold(instance.text))
        instance.pk, instance.customer = made.pk, made.customer


def _names(customer: Customer) -> list[str]:
    """The aliases that an instance is to have, without its own name."""
    wanted: str = customer.wanted  # type: ignore[attr-defined]
    return [name for name in wanted.splitlines() if fold(name) != fold(customer.name)]


def _folded(customer: Customer) -> set[str]:
    return set(map(fold, _names(customer)))
