"""What there is to try things with on a first start, made once and only where everything is on this machine."""

from __future__ import annotations

import secrets
from io import StringIO

from django.conf import settings
from django.contrib.auth.models import Group, User
from django.core.management import call_command
from django.db import connection, connections, transaction

from .roles import ROLES

DEMO_ORDERS = 5_000


def make_demo_orders(rows: int = DEMO_ORDERS) -> int:
    """Demo orders where the embedded order source holds no table at all; returns how many, 0 where it holds one.

    None in production, nor on a database server: those orders are somebody's.
    """
    source = connections["orders"]
    if settings.PRODUCTION or source.vendor != "sqlite" or source.introspection.table_names():
        return 0
    call_command("load_demo_orders", rows=rows, stdout=StringIO())
    return rows


def make_demo_users() -> list[tuple[str, str]]:
    """One person per role, each with a password of its own; returns (name, password), empty where anybody exists.

    Opens a transaction. Nothing is made in production or on a database server: there somebody else may sign in.
    """
    if settings.PRODUCTION or connection.vendor != "sqlite":
        return []
    made = []
    with transaction.atomic():
        if User.objects.exists():  # also where another start makes them at this moment
            return []
        for role in ROLES:
            password = f"{role}-{secrets.token_hex(4)}"
            user = User.objects.create_user(role, password=password, is_staff=True)
            user.groups.add(Group.objects.get(name=role))
            made.append((role, password))
    return made
