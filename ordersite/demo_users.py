"""People to try the roles with, made once and only where everything is on this machine."""

from __future__ import annotations

import secrets

from django.conf import settings
from django.contrib.auth.models import Group, User
from django.db import connection, transaction

from .roles import ROLES


def make_demo_users() -> list[tuple[str, str]]:
    """One person per role, each with a password of its own; returns (name, password), empty where anybody exists.

    Opens a transaction. Nothing is made in production or on a database server: there somebody else may sign in.
    """
    if settings.PRODUCTION or connection.vendor != "sqlite" or User.objects.exists():
        return []
    made = []
    with transaction.atomic():
        for role in ROLES:
            password = f"{role}-{secrets.token_hex(4)}"
            user = User.objects.create_user(role, password=password, is_staff=True)
            user.groups.add(Group.objects.get(name=role))
            made.append((role, password))
    return made
