"""Compiles for SQL Server whatever query runs, beside the database that answers it, and says what it would refuse."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.core.exceptions import EmptyResultSet
from django.db import NotSupportedError, connections
from django.db.models.sql.compiler import SQLCompiler, SQLInsertCompiler

from tests.tsql import offline

_looked_at: dict[tuple[str, bool], list[str]] = {}  # parsing takes longer than compiling, and tests ask the same again


class Compiled:
    """What was compiled for SQL Server: statements with their parameters, each text once."""

    def __init__(self) -> None:
        self.statements: dict[str, tuple[Any, ...]] = {}
        self.refused: list[str] = []
        self.connection = offline.connection()
        self.connection.get_autocommit = lambda: False  # type: ignore[method-assign]  # as inside a transaction

    def take(self, compiler: Any) -> None:
        query, real = compiler.query.clone(), connections["default"]
        connections["default"] = self.connection  # a query inside another one asks for its connection by name
        try:
            other = query.get_compiler(using="default")
            if isinstance(compiler, SQLInsertCompiler):
                other.returning_fields = compiler.returning_fields
                # Django asks the connection that runs, before it compiles. Links of many to many it then does without.
                if query.on_conflict is not None and not query.model._meta.auto_created:
                    self.refused.append(f"INSERT into {query.model.__name__} that settles conflicts")
            made = other.as_sql()
        except EmptyResultSet:  # an empty list finds nothing, on every database and without asking it
            return
        except NotSupportedError as problem:
            self.refused.append(str(problem))
            return
        finally:
            connections["default"] = real
        for sql, params in made if isinstance(made, list) else [made]:
            if sql:
                kept = self.statements.setdefault(str(sql), tuple(params or ()))
                if len(params or ()) > len(kept):
                    self.statements[str(sql)] = tuple(params)

    def problems(self) -> dict[str, list[str]]:
        """What is wrong, by statement."""
        found = {refusal: ["is refused by the backend"] for refusal in self.refused}
        for sql, params in self.statements.items():
            key = sql, len(params) > offline.MOST_PARAMETERS
            if key not in _looked_at:
                _looked_at[key] = offline.problems(sql, params)
            if _looked_at[key]:
                found[sql] = _looked_at[key]
        return found


@contextmanager
def compiling() -> Iterator[Compiled]:
    """Within this block, every query of the app's database that runs is compiled for SQL Server as well."""
    found = Compiled()
    with pytest.MonkeyPatch.context() as patched:
        for kind in (SQLCompiler, SQLInsertCompiler):
            run = kind.execute_sql

            def execute_sql(self: Any, *arguments: Any, _run: Any = run, **named: Any) -> Any:
                if self.connection.alias == "default" and self.connection is not found.connection:
                    found.take(self)
                return _run(self, *arguments, **named)

            patched.setattr(kind, "execute_sql", execute_sql)
        yield found
