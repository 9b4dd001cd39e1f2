"""All migrations, our own and those of the packages, are good T-SQL."""

from __future__ import annotations

import pytest
from django.apps import apps

from . import offline

pytestmark = pytest.mark.skipif(bool(offline.unavailable()), reason=offline.unavailable())


@pytest.mark.parametrize("app", sorted(app.label for app in apps.get_app_configs()))
def test_migrations_compile_to_good_tsql(app: str) -> None:
    for statement in offline.migration_statements(app):
        # Collected statements are final text: a percent sign stands for itself.
        assert offline.problems(statement.replace("%", "%%")) == [], statement


def test_there_is_something_to_check() -> None:
    assert len(offline.migration_statements()) > 60


def test_a_queryset_compiles_without_a_server() -> None:
    from django.contrib.auth.models import User

    sql, params = offline.compiled(User.objects.filter(username="B'HOOD").order_by("pk")[5:10])
    assert offline.problems(sql, params) == []
    assert params == ("B'HOOD",)
