"""`manage.py monday_sandbox`: one line with the address, a quiet end, and one sentence where it cannot start."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest
import requests
from django.core.management import CommandError, call_command

from monday.sandbox.store import SandboxStore

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.skipif(sys.platform == "win32", reason="Ctrl-C cannot be sent to a child there")
def test_it_tells_its_address_serves_and_ends_quietly(tmp_path: Path) -> None:
    command = [sys.executable, "manage.py", "monday_sandbox", "--port", "0", "--store", str(tmp_path / "s.sqlite3")]
    environment = {**os.environ, "VAR_DIR": str(tmp_path), "DATABASE_URL": "", "PYTHONIOENCODING": "cp1252"}
    # A shell's background job ignores Ctrl-C, and a child would inherit that.
    former = signal.signal(signal.SIGINT, signal.default_int_handler)
    with subprocess.Popen(
        command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as child:
        try:
            assert child.stdout is not None
            told = child.stdout.readline()
            address = told.split(" API ")[1].split(",")[0]
            answer = requests.post(address, json={"query": "{ me { id } }"}, headers={"Authorization": "t"}, timeout=10)
            child.send_signal(signal.SIGINT)
            rest, errors = child.communicate(timeout=20)
        finally:
            signal.signal(signal.SIGINT, former)
            child.kill()
    assert answer.json()["data"]["me"]["id"]
    assert answer.headers["X-Ordersite-Settle"] == "60"
    assert (child.returncode, rest) == (0, "") and "Traceback" not in errors


def _refused(*arguments: str) -> str:
    with pytest.raises(CommandError, match="Remedy") as caught:
        call_command("monday_sandbox", *arguments)
    assert caught.value.returncode == 2
    return str(caught.value)


def test_the_store_is_kept_emptied_and_put_back_by_the_command(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    store, kept = str(tmp_path / "s.sqlite3"), str(tmp_path / "kept.sqlite3")
    account = SandboxStore(store).account_id
    call_command("monday_sandbox", "--store", store, "--snapshot", kept)
    call_command("monday_sandbox", "--store", store, "--reset")
    assert SandboxStore(store).account_id != account
    call_command("monday_sandbox", "--store", store, "--restore", kept)
    assert SandboxStore(store).account_id == account
    assert [line.split(" is ")[1][:5] for line in capsys.readouterr().out.splitlines()] == ["kept ", "empty", "as it"]
    assert "does not exist" in _refused("--store", store, "--restore", str(tmp_path / "none"))
    assert "cannot be written" in _refused("--store", store, "--snapshot", str(tmp_path / "no" / "where"))


def test_a_port_that_is_taken_is_said_in_one_sentence(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        assert "in use" in _refused("--port", port, "--store", str(tmp_path / "s.sqlite3"))
    assert "between 0 and 65535" in _refused("--port", "70000", "--store", str(tmp_path / "s.sqlite3"))


def test_a_store_or_script_that_cannot_be_used_is_said_in_one_sentence(tmp_path: Path) -> None:
    store = str(tmp_path / "s.sqlite3")
    odd = tmp_path / "odd.yaml"
    odd.write_text("faults: [{kind: nonsense, at: [1]}]", encoding="utf-8")
    assert "folder" in _refused("--store", str(tmp_path / "missing" / "s.sqlite3"))
    assert "cannot be used" in _refused("--store", str(tmp_path))
    assert "nonsense" in _refused("--store", store, "--faults", str(odd))
    assert "cannot be read" in _refused("--store", store, "--faults", str(tmp_path / "missing.yaml"))
    assert "negative" in _refused("--store", store, "--latency-ms", "-1")
