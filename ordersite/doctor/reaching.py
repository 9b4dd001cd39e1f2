"""Whether a database can be reached, found out step by step so that the answer names the step that failed."""

from __future__ import annotations

import socket
from pathlib import Path

from django.db import connections
from django.db.backends.base.base import BaseDatabaseWrapper

PATIENCE = 10.0  # seconds for a server to take a connection; drivers of their own accord wait for minutes
PORTS = {"postgresql": 5432, "microsoft": 1433}
NETWORK_FILE_SYSTEMS = ("nfs", "cifs", "smb", "fuse.sshfs", "fuse.glusterfs", "ceph", "afs")
MOUNTS = Path("/proc/mounts")


def missing_file(connection: BaseDatabaseWrapper) -> str:
    """The path of an SQLite file that is not there, "" otherwise. Connecting would make an empty one."""
    path = file_of(connection)
    return str(path) if path is not None and not path.exists() else ""


def file_of(connection: BaseDatabaseWrapper) -> Path | None:
    """The file behind an SQLite connection, None for a server and for a database in memory."""
    name = str(connection.settings_dict["NAME"])
    in_memory = name.startswith("file:") or ":memory:" in name
    return None if connection.vendor != "sqlite" or in_memory else Path(name)


def connect(alias: str) -> BaseDatabaseWrapper:
    """The connection of this alias, open. Raises OSError where nobody answers, and django.db.Error."""
    connection = connections[alias]
    host = str(connection.settings_dict.get("HOST") or "")
    if connection.connection is None and host and not host.startswith("/") and connection.vendor in PORTS:
        port = int(connection.settings_dict.get("PORT") or PORTS[connection.vendor])
        socket.create_connection((host, port), timeout=PATIENCE).close()
    connection.ensure_connection()
    return connection


def network_file_system(path: Path, mounts: Path = MOUNTS) -> str:
    """The kind of network file system that holds this path, "" for a local one or where that cannot be told."""
    if str(path).startswith("\\\\"):
        return "a Windows share"
    try:
        lines = mounts.read_text(encoding="utf-8", errors="replace").splitlines()
        resolved = path.resolve()
    except OSError:
        return ""
    best, kind = Path(), ""
    for line in lines:
        _, mounted, found, *_ = [*line.split(), "", "", ""]
        point = Path(mounted.replace("\\040", " "))
        if mounted and resolved.is_relative_to(point) and len(point.parts) >= len(best.parts):
            best, kind = point, found
    return kind if kind.startswith(NETWORK_FILE_SYSTEMS) else ""
