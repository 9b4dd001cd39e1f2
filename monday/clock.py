"""The clock that all processes and hosts share: that of the application's database."""

from __future__ import annotations

from datetime import UTC, datetime

from django.db import connection
from django.utils import timezone

NOW = {"postgresql": "SELECT clock_timestamp()", "microsoft": "SELECT SYSUTCDATETIME()"}


def database_now() -> datetime:
    """The time of the database's clock, aware, in UTC; the embedded database has this machine's."""
    query = NOW.get(connection.vendor)
    if query is None:
        return timezone.now()
    with connection.cursor() as cursor:
        cursor.execute(query)
        now: datetime = cursor.fetchone()[0]
    return now if now.tzinfo else now.replace(tzinfo=UTC)
