"""People and roles: nobody gives a right that they have not, and nobody edits somebody who may do more.

Only superusers make superusers, edit them, or see that field as one to change. The same holds for the name of an
account: it stands in the audit, and who may approve is told by it.
"""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin
from django.contrib.auth.admin import GroupAdmin, UserAdmin
from django.contrib.auth.models import Group, Permission, User
from django.core.exceptions import PermissionDenied, ValidationError
from django.db.models import ManyToManyField, Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django_q.models import Failure, OrmQ, Schedule, Success

from .roles import ROLES

OWN = "Nobody deletes their own account. Remedy: ask another administrator, who can."

admin.site.unregister(User)
admin.site.unregister(Group)

# What the screens of other packages call their records; titles, buttons and messages follow.
for model, one, many in (
    (User, "person", "people"),
    (Group, "role", "roles"),
    (Schedule, "schedule", "schedules"),
    (Success, "job done", "jobs done"),
    (Failure, "failed job", "failed jobs"),
    (OrmQ, "waiting job", "waiting jobs"),
):
    model._meta.verbose_name, model._meta.verbose_name_plural = one, many


def rights_of(person: User) -> QuerySet[Permission]:
    """What somebody may do once active, by groups and by own rights; a superuser's are not listed anywhere."""
    return Permission.objects.filter(Q(user=person) | Q(group__user=person)).distinct()


def grantable(giver: Any) -> QuerySet[Permission]:
    """The rights that this person may pass on: their own."""
    return Permission.objects.all() if giver.is_superuser else rights_of(giver)


def within(giver: Any, rights: QuerySet[Permission]) -> bool:
    """Whether all of these are the giver's own."""
    return bool(giver.is_superuser) or not rights.exclude(pk__in=grantable(giver).values("pk")).exists()


def grantable_groups(giver: Any) -> QuerySet[Group]:
    """The roles that hold nothing which this person has not."""
    beyond = Permission.objects.exclude(pk__in=grantable(giver).values("pk"))
    return Group.objects.exclude(permissions__in=beyond.values("pk")).order_by("name")


class Chosen(forms.ModelMultipleChoiceField):  # type: ignore[type-arg]
    """Rows that were ticked; a number that fits no column is none of them."""

    def clean(self, value: Any) -> Any:
        try:
            return super().clean(value)
        except OverflowError:
            raise ValidationError("One of these is not there. Remedy: choose again.") from None


@admin.register(User)
class PersonAdmin(UserAdmin):  # type: ignore[type-arg]
    """Accounts; the password page asks the same right as the others. Nobody locks themselves out."""

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return super().has_change_permission(request, obj) and _may_touch(request.user, obj)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        own = obj is not None and obj.pk == request.user.pk
        return super().has_delete_permission(request, obj) and _may_touch(request.user, obj) and not own

    def delete_view(self, request: HttpRequest, object_id: str, extra_context: Any = None) -> HttpResponse:
        """The stock page; who would delete themselves is not told that it is for their role."""
        if object_id == str(request.user.pk) and super().has_delete_permission(request):
            raise PermissionDenied(OWN)
        return super().delete_view(request, object_id, extra_context)

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        fields = super().get_readonly_fields(request, obj)
        if obj is not None and obj.pk == request.user.pk:
            fields = (*fields, "is_active", "is_staff", "groups")
        if getattr(request.user, "is_superuser", False):
            return fields
        return (*fields, "is_superuser", *(("username",) if obj is not None else ()))

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        """Somebody new may sign in here, as there is no other place; what they see depends on their roles."""
        obj.is_staff = obj.is_staff or not change
        super().save_model(request, obj, form, change)

    def formfield_for_manytomany(self, db_field: ManyToManyField[Any, Any], request: Any, **kwargs: Any) -> Any:
        kwargs["form_class"] = Chosen
        if db_field.name == "groups":
            kwargs["queryset"] = grantable_groups(request.user)
        elif db_field.name == "user_permissions":
            kwargs["queryset"] = grantable(request.user).select_related("content_type")
        return super().formfield_for_manytomany(db_field, request, **kwargs)


@admin.register(Group)
class RoleAdmin(GroupAdmin):
    """Roles; one that holds more than the person at the screen has is only looked at. The four of ours stay."""

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return super().has_change_permission(request, obj) and _may_touch_role(request.user, obj)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        ours = obj is not None and obj.name in ROLES
        return super().has_delete_permission(request, obj) and _may_touch_role(request.user, obj) and not ours

    def formfield_for_manytomany(self, db_field: ManyToManyField[Any, Any], request: Any = None, **kwargs: Any) -> Any:
        found = super().formfield_for_manytomany(db_field, request, **{**kwargs, "form_class": Chosen})
        if db_field.name == "permissions" and found is not None:
            found.queryset = grantable(request.user).select_related("content_type")
        return found


def _may_touch(giver: Any, person: User | None) -> bool:
    if person is None or giver.is_superuser:
        return True
    return not person.is_superuser and within(giver, rights_of(person))


def _may_touch_role(giver: Any, role: Group | None) -> bool:
    return role is None or within(giver, role.permissions.all())
