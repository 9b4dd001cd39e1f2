"""All migrations, our own and those of the packages, are good T-SQL."""

from __future__ import annotations

import re
from importlib import import_module
from types import SimpleNamespace

import pytest
from django.apps import apps
from django.db import connection, migrations, models
from django.db.migrations.loader import MigrationLoader

from staging.models import StagedOrder, SyncRun, Term
from tests.tsql.compiled import compiling
from tests.world import World

from . import offline

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


@pytest.mark.parametrize(
    ("module", "function"),
    [
        ("ordersite.migrations.0002_roles", "make_roles"),
        ("ordersite.migrations.0002_roles", "remove_roles"),
        ("ordersite.migrations.0004_roles_know_notifications", "give_rights"),
        ("staging.migrations.0003_one_active_run_per_subject", "keep_the_first"),
        ("staging.migrations.0013_terms_of_what_is_known", "fill"),
        ("staging.migrations.0020_causes_of_what_is_held", "fill"),
        ("staging.migrations.0025_said_of_what_waits", "fill"),
    ],
)
def test_what_migrations_do_to_rows_is_good_tsql(
    world: World, module: str, function: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for config in apps.get_app_configs():
        monkeypatch.setattr(config, "models_module", config.models_module)  # a migration leaves it changed
    world.add(1)
    world.sync()
    world.change(1, ORDER="A99")
    world.stage()
    SyncRun.objects.filter(pk=SyncRun.objects.latest("id").pk).update(subject="board:1", state="running")
    Term.objects.all().delete()
    StagedOrder.objects.update(problem={"code": "gone"}, cause="")
    with compiling() as found:
        getattr(import_module(module), function)(apps, SimpleNamespace(connection=connection))
    assert found.statements and found.problems() == {}


def test_every_migration_that_changes_rows_is_looked_at() -> None:
    loader = MigrationLoader(None)
    changing = {
        node
        for node, migration in loader.disk_migrations.items()
        if node[0] in OURS and any(isinstance(step, migrations.RunPython) for step in migration.operations)
    }
    marks = test_what_migrations_do_to_rows_is_good_tsql.pytestmark  # type: ignore[attr-defined]
    (cases,) = [mark.args[1] for mark in marks if mark.name == "parametrize"]
    assert changing == {(module.split(".")[0], module.split(".")[2]) for module, _ in cases}


def test_no_index_is_wider_than_the_server_allows() -> None:
    """An index has at most 1,700 bytes of key, and no text without an end; its WHERE joins plain comparisons by AND."""
    looked_at = 0
    for model in (model for label in OURS for model in apps.get_app_config(label).get_models()):
        meta = model._meta
        keys = [(field.name,) for field in meta.local_fields if field.db_index or field.unique]
        named = [*meta.indexes, *(rule for rule in meta.constraints if isinstance(rule, models.UniqueConstraint))]
        keys += [tuple(name.lstrip("-") for name in index.fields) for index in named]
        for key in filter(None, keys):
            fields = [meta.get_field(name) for name in key]
            assert not any(isinstance(field, models.TextField | models.JSONField) for field in fields), (model, key)
            width = sum(2 * (field.max_length or 0) or 16 for field in fields)  # letters take two bytes
            assert width <= 1_700, (model, key, width)
            looked_at += 1
    assert looked_at > 40


def test_conditions_of_indexes_are_those_that_the_server_takes() -> None:
    filtered = [text for text in offline.migration_statements(*OURS) if " INDEX " in text and " WHERE " in text]
    assert len(filtered) > 5
    for text in filtered:
        where = text.partition(" WHERE ")[2].upper()
        assert not re.search(r"\b(OR|NOT IN|BETWEEN|LIKE|CASE)\b|\bNOT \(", where), text
