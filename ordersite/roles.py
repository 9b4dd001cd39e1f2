"""Who may do what: four roles as groups, each with everything that the one before it may do.

The rights are Django's permissions, checked where something is changed: `view`, `add`, `change` and `delete` of a
model, and the four of `staging.models.Batch` that `staging.core.lifecycle` names. A migration makes the groups;
afterwards an administrator may change them.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

SEEN = {
    "staging": ("syncrun", "batch", "stagedorder", "stagedline", "snapshot", "seen", "receipt"),
    "mapping": ("customer", "alias", "document", "version"),
    "monday": ("board", "boardgroup", "apicall"),
}
VIEWER = frozenset(f"{app}.view_{model}" for app, models in SEEN.items() for model in models)
OPERATOR = VIEWER | {
    "staging.add_syncrun",  # start a sync
    "staging.change_syncrun",  # cancel a run
    "staging.stage_batch",  # hold, release, retry, give up
    "staging.push_batch",
    "monday.change_board",  # read it again
    "django_q.view_schedule",
}
APPROVER = OPERATOR | {
    "staging.approve_batch",
    "staging.undo_batch",
    "staging.view_auditevent",
    "staging.view_auditchain",
}
ADMINISTRATOR = APPROVER | {
    *("mapping.add_document", "mapping.change_document"),
    *(f"django_q.{verb}_schedule" for verb in ("add", "change", "delete")),
    *(f"staging.{verb}_channel" for verb in ("view", "add", "change", "delete")),
    "staging.view_delivery",
    *(f"django_q.{verb}_{model}" for verb in ("view", "delete") for model in ("success", "failure", "ormq")),
    *(f"auth.{verb}_{model}" for verb in ("view", "add", "change", "delete") for model in ("user", "group")),
    "auth.view_permission",
    "admin.view_logentry",
}
ROLES = {"viewer": VIEWER, "operator": OPERATOR, "approver": APPROVER, "administrator": ADMINISTRATOR}


def establish(group_model: Any, permission_model: Any, *, later: bool = False) -> None:
    """Make the four groups and give each the rights it lacks; what an administrator added stays.

    The models are passed in, since a migration has its own. Raises LookupError where a right does not
    exist; with `later` it is left to a later migration, which knows more models.
    """
    known = {
        f"{permission.content_type.app_label}.{permission.codename}": permission
        for permission in permission_model.objects.select_related("content_type").order_by("id")
    }
    for role, rights in ROLES.items():
        if not later:
            _check(role, rights - known.keys())
        group, _ = group_model.objects.get_or_create(name=role)
        group.permissions.add(*(known[right] for right in sorted(rights & known.keys())))


def _check(role: str, missing: Iterable[str]) -> None:
    if missing:
        raise LookupError(f"The role {role} names rights that do not exist: {', '.join(sorted(missing))}.")
