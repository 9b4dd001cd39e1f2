"""Copies of the app database: whole while others write, and their age in the doctor's words."""

from __future__ import annotations

import errno
import os
import sqlite3
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection, connections
from django.utils import timezone

from mapping.models import Customer
from ordersite.backups import age, copy
from ordersite.doctor import backup

files = pytest.mark.skipif("connection.vendor != 'sqlite'", reason="copies are made of files")


@files
@pytest.mark.django_db(transaction=True)
def test_a_copy_holds_what_was_committed_and_is_a_database_of_its_own(tmp_path: Path) -> None:
    Customer.objects.create(name="HARBOUR")
    made = copy(folder=tmp_path / "new", now=timezone.now(), keep=3)
    Customer.objects.create(name="LATER")
    with closing(sqlite3.connect(made)) as restored:
        assert restored.execute("SELECT name FROM mapping_customer").fetchall() == [("HARBOUR",)]
    assert oct(made.stat().st_mode)[-3:] == "600" or os.name == "nt"


@files
@pytest.mark.django_db(transaction=True)
def test_only_the_newest_stay_and_no_other_file_is_touched(tmp_path: Path) -> None:
    (tmp_path / "somebody's.txt").write_text("kept", encoding="utf-8")
    now = timezone.now()
    names = [copy(folder=tmp_path, now=now + timedelta(seconds=n), keep=2).name for n in range(4)]
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted([*names[2:], "somebody's.txt"])


@pytest.mark.django_db(transaction=True)
def test_what_cannot_be_copied_is_one_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("", encoding="utf-8")
    if connection.vendor == "sqlite":
        with pytest.raises(CommandError, match=r"\(Not a directory\)\. Remedy: name a folder that may be") as usage:
            call_command("backup", "--to", str(tmp_path / "file" / "below"))
        assert usage.value.returncode == 2
    monkeypatch.setattr(connections["default"], "vendor", "postgresql")
    with pytest.raises(CommandError, match="Remedy: use its own tool") as usage:
        call_command("backup", "--to", str(tmp_path))
    assert usage.value.returncode == 2


@files
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("when", ["the folder is made", "the copy is made"])
def test_a_full_disk_is_no_mistake_of_who_typed_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, when: str) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(*((Path, "mkdir") if when == "the folder is made" else (os, "chmod")), full)
    with pytest.raises(CommandError, match=r"\(No space left on device\)\. Remedy: free space") as failed:
        call_command("backup", "--to", str(tmp_path / "new"))
    assert failed.value.returncode == 1


def test_the_doctor_sees_how_old_the_newest_copy_is(tmp_path: Path, settings: Any) -> None:
    def said() -> list[tuple[str, str]]:
        return [(str(found.status), found.message) for found in backup.examine()]

    settings.BACKUP_DIR = ""
    assert said() == []
    settings.PRODUCTION = True
    assert said() == [("warning", "Not checked, as BACKUP_DIR is not set.")]
    settings.BACKUP_DIR = str(tmp_path)
    assert said() == [("problem", f"There is no copy in {tmp_path}.")]
    dump = tmp_path / "ordersite.dump"
    dump.write_bytes(b"x")
    assert said() == [("ok", "The newest copy is 0 hours old.")]
    old = timezone.now().timestamp() - 30 * 3600
    os.utime(dump, (old, old))
    assert said() == [("problem", "The newest copy is 30 hours old.")]


def test_a_dump_that_broke_off_before_its_first_byte_is_no_copy(tmp_path: Path) -> None:
    (tmp_path / "ordersite.dump").touch()
    assert age(tmp_path, timezone.now()) is None
    (tmp_path / "ordersite.dump").write_bytes(b"PGDMP")
    assert age(tmp_path, timezone.now()) is not None
