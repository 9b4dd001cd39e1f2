"""The small world of the database tests, so that whatever the line asks can be looked at."""

from tests.db.conftest import world

__all__ = ["world"]
