"""The gate itself: it lets good T-SQL pass, and stops what the parser alone would let through."""

from __future__ import annotations

import pytest

from .offline import problems


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT TOP 5 [id] FROM [t] ORDER BY [id]",
        "SELECT [id] FROM [t] ORDER BY [id] OFFSET 5 ROWS FETCH NEXT 5 ROWS ONLY",
        "SELECT CASE WHEN [a] > %s THEN 1 ELSE 0 END AS [more] FROM [t]",
        "SELECT [USA ONLY LSTP 75%% EX WORKS] FROM [t] WHERE [id] IN (%s, %s)",
        "SELECT [a] FROM (SELECT TOP 3 [a] FROM [t] ORDER BY [a]) AS x",
        "UPDATE [t] SET [a] = %s WHERE [id] = %s",
    ],
)
def test_good_statements_pass(sql: str) -> None:
    assert problems(sql, (1, 2)) == []


@pytest.mark.parametrize(
    ("sql", "params"),
    [
        ("SELECT [amount] > %s AS [more] FROM [t]", (1,)),
        ("SELECT ([a] = 1 AND [b] = 2) AS [both] FROM [t]", ()),
        ("SELECT [id] FROM [t] OFFSET 5 ROWS", ()),
        ("SELECT [a] FROM (SELECT [a] FROM [t] ORDER BY [a]) AS x", ()),
        ("SELECT [id] FROM [t] WHERE [id] IN (SELECT params FROM #Temp_params)", ()),
        ("SELECT [id] FROM [t] WHERE dbo.REGEXP_LIKE([a], %s, '') = 1", ("x",)),
        ("SELECT [id] FROM [t] LIMIT 5", ()),
        ("SELECT [a] || [b] FROM [t]", ()),
        ("SELECT [id] FROM [t] WHERE [flag] = true", ()),
        ("SELECT [id FROM [t", ()),
        ("SELECT [id] FROM [t] WHERE [id] IN (%s)", tuple(range(3000))),
    ],
)
def test_what_the_server_would_refuse_is_stopped(sql: str, params: tuple[int, ...]) -> None:
    assert problems(sql, params)
