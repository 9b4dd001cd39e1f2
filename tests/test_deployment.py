"""The files that a server is set up with: they name what there is, run as nobody, and hold no secret."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from io import StringIO
from itertools import pairwise
from pathlib import Path

import pytest
import yaml
from django.core.management import get_commands

from ordersite import kestra
from ordersite.settings import Q_CLUSTER
from tests.settings import OURS

TOP = Path(__file__).resolve().parent.parent
DEPLOY = TOP / "deploy"
PIN = re.compile(r"^([A-Za-z0-9_.-]+)(?:\[[a-z]+\])?==([^\s;\\]+)", re.MULTILINE)


def text(name: str) -> str:
    return (DEPLOY / name).read_text(encoding="utf-8")


def compose() -> dict[str, dict[str, dict[str, object]]]:
    return yaml.safe_load(text("compose.yaml"))


def ours() -> list[dict[str, object]]:
    return [service for name, service in compose()["services"].items() if name != "database"]


def test_the_lock_pins_what_requirements_pin_each_with_hashes() -> None:
    def pins(name: str) -> dict[str, str]:
        found = PIN.findall((TOP / name).read_text(encoding="utf-8"))
        return {package.lower().replace("_", "-"): version for package, version in found}

    wanted, locked = pins("requirements.txt"), pins("requirements.lock")
    assert wanted.items() <= locked.items()
    blocks = re.split(r"\n(?=\S)", (TOP / "requirements.lock").read_text(encoding="utf-8").strip())
    assert [block.split("==")[0] for block in blocks if "--hash=sha256:" not in block] == []


@pytest.mark.skipif(not shutil.which("hadolint", path=Path(sys.executable).parent), reason="hadolint is not installed")
def test_the_container_file_has_no_known_mistake() -> None:
    tool = Path(sys.executable).parent / "hadolint"
    outcome = subprocess.run([tool, DEPLOY / "Containerfile"], capture_output=True, text=True, timeout=60)
    assert outcome.stdout + outcome.stderr == ""


def test_the_image_holds_the_code_and_runs_as_nobody() -> None:
    lines = text("Containerfile").splitlines()
    users = [line for line in lines if line.startswith("USER")]
    assert users == ["USER 10001"]
    assert [line for line in lines if line.startswith("COPY") and "tests" in line] == []
    assert "--require-hashes" in text("Containerfile")
    for package in ("monday", "mapping", "staging", "ordersite"):
        assert f"COPY {package} {package}" in lines


def test_the_compose_file_gives_every_service_its_secrets_as_files_and_as_few_rights_as_it_needs() -> None:
    document = compose()
    declared = set(document["secrets"])
    for name, service in document["services"].items():
        assert set(service.get("secrets", [])) <= declared, name
    for service in ours():
        assert service["read_only"] is True
        assert service["cap_drop"] == ["ALL"]
        environment = service["environment"]
        assert isinstance(environment, dict)
        for variable, value in environment.items():
            known = variable.removesuffix("_FILE")
            assert known in OURS, f"{variable} is no setting of ours"
            assert ("TOKEN" not in known and "SECRET" not in known and "DATABASE" not in known) or str(
                value
            ).startswith("/run/secrets/")


def test_services_call_commands_that_there_are() -> None:
    known = set(get_commands())
    units = "".join(path.read_text(encoding="utf-8") for path in (DEPLOY / "systemd").glob("*.service"))
    called = set(re.findall(r"manage\.py ([a-z_]+)", units))
    for service in ours():
        command = service.get("command", [])
        assert isinstance(command, list)
        called |= {word for before, word in pairwise(command) if before == "manage.py"}
    assert {"worker", "migrate"} <= called <= known


def test_a_service_may_end_its_piece_in_hand_before_it_is_killed() -> None:
    # Else systemd sends the signal to every worker too, and each dies with its chunk in hand.
    assert "KillMode=mixed" in text("systemd/ordersite-worker.service").splitlines()
    seconds = [int(n) for n in re.findall(r"TimeoutStopSec=(\d+)", text("systemd/ordersite-worker.service"))]
    assert seconds and min(seconds) >= 30
    assert Q_CLUSTER["max_attempts"] == 1


def test_who_follows_the_files_is_told_of_what_needs_a_person() -> None:
    example = (TOP / "ordersite/production.env.example").read_text()
    compose = yaml.safe_load(text("compose.yaml"))["x-app"]["environment"]
    for name in ("NOTIFY_TO", "EMAIL_URL", "SITE_URL"):
        assert re.search(rf"^{name}=", example, re.MULTILINE) and {name, f"{name}_FILE"} & set(compose), name


def test_folders_that_hold_orders_are_closed_to_other_accounts() -> None:
    for name in ("web", "worker"):
        unit = text(f"systemd/ordersite-{name}.service")
        assert "StateDirectoryMode=0700" in unit and "LogsDirectoryMode=0700" in unit


def test_the_account_for_the_orders_may_read_and_nothing_else() -> None:
    for name in ("orders_sqlserver.sql", "orders_postgresql.sql"):
        granted = re.findall(r"GRANT ([A-Z, ]+?)(?: ON| TO)", text(f"grants/{name}"))
        assert set(granted) <= {"CONNECT", "SELECT", "USAGE"}, name


def test_the_flow_tells_counts_and_how_it_ended() -> None:
    flow = yaml.safe_load(text("kestra/ordersite-sync.yaml"))
    tasks = {task["id"]: task for task in flow["tasks"]}
    assert "allowFailure" not in tasks["refused_or_failed"]
    assert tasks["with_errors"]["allowFailure"] is True
    assert "exit_code == 3" in tasks["with_errors"]["runIf"]
    # By the operators that Kestra's expressions have: `in` is none of them.
    for code in (0, 3, 4):
        assert f"exit_code != {code}" in tasks["refused_or_failed"]["runIf"]
    assert " in " not in tasks["refused_or_failed"]["runIf"]
    assert "sync_orders" in tasks["sync"]["commands"][0]


@pytest.mark.skipif(os.name != "posix", reason="the flow's commands are a shell's")
@pytest.mark.parametrize("code", [0, 3, 5])
def test_the_flows_commands_tell_every_exit_code_where_the_shell_ends_with_the_first_that_fails(
    code: int, tmp_path: Path
) -> None:
    (sync,) = (task for task in yaml.safe_load(text("kestra/ordersite-sync.yaml"))["tasks"] if task["id"] == "sync")
    stub = tmp_path / "python"
    stub.write_text(
        '#!/bin/sh\n[ "$1" = manage.py ] || exec "$REAL" "$@"\necho "{\\"status\\": \\"stub\\"}"\nexit "$CODE"\n'
    )
    stub.chmod(0o755)
    commands = "\n".join(["set -e", *sync["commands"]]).replace("/tmp/", f"{tmp_path}/")
    environment = {
        "PATH": f"{tmp_path}:{os.environ['PATH']}",
        "REAL": sys.executable,
        "CODE": str(code),
        "MODE": "TEST",
    }
    done = subprocess.run(["/bin/sh", "-c", commands], cwd=TOP, env=environment, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    told = json.loads(done.stdout.strip(":\n"))["outputs"]
    assert (told["exit_code"], told["status"]) == (code, "stub")


@pytest.mark.parametrize(
    ("code", "said", "told"),
    [
        (
            3,
            {
                "run_id": 7,
                "status": "with_errors",
                "error": None,
                "counts": {"read": 5, "removed": None},
                "api": {"calls": 4},
            },
            {
                "exit_code": 3,
                "status": "with_errors",
                "run_id": 7,
                "sentence": "Run 7: with errors.",
                "api_calls": 4,
                "read": 5,
            },
        ),
        (
            5,
            {"run_id": 8, "status": "refused", "error": "The source is empty.", "counts": None, "api": None},
            {"exit_code": 5, "status": "refused", "run_id": 8, "sentence": "The source is empty.", "api_calls": None},
        ),
    ],
)
def test_a_document_becomes_the_outputs_of_a_task(code: int, said: dict[str, object], told: dict[str, object]) -> None:
    shown = StringIO()
    assert kestra.main([str(code)], StringIO(json.dumps(said)), shown) == 0
    line = shown.getvalue()
    assert line.startswith("::") and line.endswith("::\n")
    assert json.loads(line.strip(":\n")) == {"outputs": told}


def test_what_is_no_document_is_told_too() -> None:
    for text_, sentence in (("Traceback ...\nboom", "Traceback ... boom"), ("", kestra.NOTHING_SAID), ("[]", "[]")):
        assert kestra.outputs(1, text_)["sentence"] == sentence
    assert kestra.main([], StringIO(), StringIO()) == 2
