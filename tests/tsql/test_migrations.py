"""All migrations, our own and those of the packages, are good T-SQL."""

from __future__ import annotations

import pytest
from django.apps import apps

from tests.tsql import offline

pytestmark = pytest.mark.skipif(bool(offline.unavailable()), reason=offline.unavailable())
OURS = ("mapping", "monday", "ordersite", "staging")


# Taken back are ours alone: some of the packages look their constraints up by columns, which an empty catalogue lacks.
@pytest.mark.parametrize(
    ("app", "backwards"),
    [(app.label, False) for app in apps.get_app_configs()] + [(app, True) for app in OURS],
)
def test_migrations_compile_to_good_tsql(app: str, backwards: bool) -> None:
    for statement in offline.migration_statements(app, backwards=backwards):
        # Collected statements are final text: a percent sign stands for itself.
        assert offline.problems(statement.replace("%", "%%")) == [], statement


def test_there_is_something_to_check() -> None:
    assert len(offline.migration_statements()) > 60
    assert len(offline.migration_statements("staging", backwards=True)) > 20


def test_a_queryset_compiles_without_a_server() -> None:
    from django.contrib.auth.models import User

    sql, params = offline.compiled(User.objects.filter(username="B'HOOD").order_by("pk")[5:10])
    assert offline.problems(sql, params) == []
    assert params == ("B'HOOD",)
