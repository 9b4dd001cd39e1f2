"""Compiles for SQL Server whatever query runs, beside the database that answers it, and says what it would refuse."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.core.exceptions import EmptyResultSet
from django.db import NotSupportedError, connections
from django.db.models.sql.compiler import SQLCompiler, SQLInsertCompiler

from tests.tsql import offline

# Tests ask the same again and again: what a statement that runs is on SQL Server, and what is wrong there.
_taken: dict[str, tuple[dict[str, tuple[Any, ...]], list[str]]] = {}
_looked_at: dict[tuple[str, bool], list[str]] = {}


class Compiled:
    """What was compiled for SQL Server: statements with their parameters, each text once."""

    def __init__(self) -> None:
        self.statements: dict[str, tuple[Any, ...]] = {}
        self.refused: list[str] = []
        self.connection = offline.connection()
        self.connection.offline = True  # type: ignore[attr-defined]  # nothing of it is a statement of a test
        self.connection.get_autocommit = lambda: False  # type: ignore[method-assign]  # as inside a transaction

    def taking(self, compiler: Any) -> Callable[..., Any]:
        """A wrapper for what this compiler executes: each of its texts is compiled once in the life of the process."""

        def execute(run: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
            text = f"{sql} {compiler.query.select_for_update}"  # which SQLite does not write down
            if text not in _taken:
                one = Compiled()
                one.take(compiler)
                _taken[text] = one.statements, one.refused
            statements, refused = _taken[text]
            self.statements |= statements
            self.refused += refused
            return run(sql, params, many, context)

        return execute

    def take(self, compiler: Any) -> None:
        query, real = compiler.query.clone(), connections["default"]
        connections["default"] = self.connection  # a query inside another one asks for its connection by name
        try:
            other = query.get_compiler(using="default")
            # Django asks the connection that runs whether conflicts can be settled, before it compiles; links of many
            # to many then do without. The key that comes back is asked for in words that the parser does not know.
            settles = isinstance(compiler, SQLInsertCompiler) and query.on_conflict is not None
            if settles and not query.model._meta.auto_created:
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
                if self.connection.alias != "default" or getattr(self.connection, "offline", False):
                    return _run(self, *arguments, **named)
                with self.connection.execute_wrapper(found.taking(self)):
                    return _run(self, *arguments, **named)

            patched.setattr(kind, "execute_sql", execute_sql)
        yield found
