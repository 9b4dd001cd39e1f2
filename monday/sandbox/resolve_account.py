"""Resolvers about the account: who asks, which version answers, what is left."""

from __future__ import annotations

from typing import Any

from . import views
from .exchange import Info, of
from .mutating import Resolver
from .versions import VERSIONS


def _me(_root: Any, info: Info) -> dict[str, Any]:
    return views.user(of(info))


def _account(_root: Any, info: Info) -> dict[str, Any]:
    return views.account(of(info))


def _users(
    _root: Any, info: Info, ids: list[str] | None = None, page: int | None = 1, **others: Any
) -> list[dict[str, Any]]:
    person = views.user(of(info))
    emails, name = others.get("emails"), others.get("name")
    wanted = (
        (page or 1) == 1
        and (ids is None or person["id"] in ids)
        and (emails is None or person["email"] in emails)
        and (others.get("status") is None or person["status"] in others["status"])
        and others.get("kind") != "guests"
        and (name is None or name.casefold() in person["name"].casefold())
    )
    return [person] if wanted else []


def _version(_root: Any, info: Info) -> dict[str, str]:
    version = of(info).version
    return VERSIONS.get(version, {"value": version, "kind": "maintenance", "display_name": "Maintenance"})


def _versions(_root: Any, _info: Info) -> list[dict[str, str]]:
    return list(VERSIONS.values())


def _complexity(_root: Any, info: Info) -> dict[str, int] | None:
    return of(info).complexity()


def _platform_api(_root: Any, info: Info) -> dict[str, Any]:
    limit = of(info).daily_limit
    if limit is None:
        return {"daily_limit": None}
    return {"daily_limit": {"base": limit, "total": limit, "addon": {"is_active": False, "quantity": 0}}}


def _none_here(_root: Any, _info: Info, **_arguments: Any) -> list[Any]:
    return []


QUERIES: dict[str, Resolver] = {
    "me": _me,
    "account": _account,
    "users": _users,
    "version": _version,
    "versions": _versions,
    "complexity": _complexity,
    "platform_api": _platform_api,
    "teams": _none_here,
    "assets": _none_here,
}
FIELDS: dict[str, dict[str, Resolver]] = {"User": {"account": _account}}
