"""Settings from the environment: what is taken, and what is refused in one sentence."""

from __future__ import annotations

import ast
import os
import re
import subprocess
import sys
from math import ceil
from pathlib import Path

import pytest
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.db import connections

from ordersite import checks, env
from tests import settings as test_settings

TOP = Path(__file__).resolve().parents[2]
READERS = {"env.text", "env.flag", "env.number", "env.whole", "env.choice", "env.secret", "database"}
LONG = "k" * 30 + "-0123456789-abcdefghij"


def check(*options: str, folder: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """`manage.py check` in a process of its own, under these settings and no others."""
    kept = {name: value for name, value in os.environ.items() if name not in test_settings.OURS}
    return subprocess.run(
        [sys.executable, "manage.py", "check", *options],
        cwd=TOP,
        env={**kept, "ORDERSITE_TESTING": "0", "VAR_DIR": str(folder), **environment},
        capture_output=True,
        text=True,
        timeout=120,
    )


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("PRODUCTION", "maybe", "PRODUCTION must be yes or no, not 'maybe'."),
        ("PRODUCTION", "1", "SECRET_KEY is not set."),
        ("WORKERS", "many", "WORKERS must be a number, not 'many'."),
        ("WORKERS", "2.5", "WORKERS must be a whole number, not 2.5."),
        ("RETAIN_AUDIT_DAYS", "0.00001", "RETAIN_AUDIT_DAYS must be a whole number, not 0.00001."),
        ("EXPORT_ROWS", "1.5", "EXPORT_ROWS must be a whole number, not 1.5."),
        ("MONDAY_DAILY_RESERVE", "0.5", "MONDAY_DAILY_RESERVE must be a whole number, not 0.5."),
        ("HSTS_SECONDS", "0.5", "HSTS_SECONDS must be a whole number, not 0.5."),
        ("WORKERS", "nan", "WORKERS must lie between 1 and 32, not nan."),
        ("MONDAY_READ_TIMEOUT", "-1", "MONDAY_READ_TIMEOUT must lie between 0.1 and 300, not -1."),
        ("MONDAY_API_URL", "http://api.monday.com/v2", "MONDAY_API_URL must be an https:// address"),
        ("LOG_LEVEL", "loud", "LOG_LEVEL must be one of DEBUG, INFO, WARNING, ERROR, CRITICAL, not 'loud'."),
        ("LOG_FILE", "/dev/null/x.log", "LOG_FILE /dev/null/x.log cannot be written"),
        ("VAR_DIR", "/dev/null/var", "VAR_DIR /dev/null/var cannot be made"),
        ("DATABASE_URL", "oracle://a:pass-word@b/c", "DATABASE_URL cannot be read."),
        ("MONDAY_API_TOKEN_FILE", "/nowhere/token", "MONDAY_API_TOKEN_FILE cannot be read"),
    ],
)
def test_an_odd_value_is_one_sentence_and_exit_code_2(name: str, value: str, said: str, tmp_path: Path):
    outcome = check(folder=tmp_path, **{name: value})
    assert outcome.returncode == 2
    assert outcome.stderr.startswith(f"Configuration: {said}")
    assert len(outcome.stderr.splitlines()) == 1
    assert "pass-word" not in outcome.stderr


def example() -> dict[str, str]:
    """The example of production settings, with the folders and the key of a server replaced."""
    text = (TOP / "ordersite/production.env.example").read_text(encoding="utf-8")
    values = dict(line.split("=", 1) for line in text.splitlines() if line and not line.startswith("#"))
    return {name: value for name, value in values.items() if name not in ("VAR_DIR", "LOG_FILE")}


def test_the_example_of_production_settings_is_fit_for_a_server(tmp_path: Path):
    outcome = check("--deploy", "--fail-level", "WARNING", folder=tmp_path, **example() | {"SECRET_KEY": LONG})
    assert (outcome.returncode, outcome.stderr) == (0, "")


def test_the_key_of_the_example_is_refused(tmp_path: Path):
    outcome = check(folder=tmp_path, **example())
    assert outcome.returncode == 2
    assert outcome.stderr.startswith("Configuration: SECRET_KEY is not set.")


def test_odd_settings_that_work_are_named_with_a_hint(tmp_path: Path):
    secret = tmp_path / "key"
    secret.write_text(LONG)
    secret.chmod(0o644)
    file = f"sqlite:///{tmp_path}/one.sqlite3"
    outcome = check(
        folder=tmp_path,
        MONDAY_READ_TIMEOUT="5",
        DATABASE_URL=file,
        ORDERS_DATABASE_URL=file,
        SECRET_KEY_FILE=str(secret),
    )
    assert outcome.returncode == 0
    assert re.findall(r"\((ordersite\.\w+)\)", outcome.stderr) == ["ordersite.W001", "ordersite.W002", "ordersite.W003"]


def test_the_embedded_default_is_odd_in_no_way(tmp_path: Path):
    outcome = check(folder=tmp_path)
    assert (outcome.returncode, outcome.stderr) == (0, "")
    assert {path.name for path in tmp_path.iterdir()} == {"static"}


@pytest.mark.parametrize(
    ("address", "safe"),
    [
        ("https://api.monday.com/v2", True),
        ("http://127.0.0.1:8765/v2", True),
        ("http://[::1]:8765/v2", True),
        ("http://localhost/v2", True),
        ("http://10.0.0.1/v2", False),
        ("http://127.0.0.1.example.com/v2", False),
        ("https://user:word@api.monday.com/v2", False),
        ("ftp://localhost/v2", False),
        ("https://", False),
        ("http://[::1", False),
        ("http://localhost:port/", False),
    ],
)
def test_a_token_goes_over_https_or_to_this_machine_only(address: str, safe: bool):
    assert checks.is_safe_address(address) is safe


def test_a_secret_may_come_from_a_file_but_not_from_both(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    path = tmp_path / "token"
    path.write_text("from-a-file\n")
    monkeypatch.setenv("MONDAY_API_TOKEN_FILE", str(path))
    assert env.secret("MONDAY_API_TOKEN") == "from-a-file"
    monkeypatch.setenv("MONDAY_API_TOKEN", "and-from-here")
    with pytest.raises(ImproperlyConfigured, match="both set") as refusal:
        env.secret("MONDAY_API_TOKEN")
    assert "from" not in str(refusal.value)


def test_a_job_is_never_handed_out_again_while_it_may_still_be_waiting():
    queue = settings.Q_CLUSTER
    assert queue["retry"] > queue["timeout"] * (ceil((queue["queue_limit"] + 1) / queue["workers"]) + 1)


def test_tests_touch_nothing_of_a_person():
    assert settings.VAR_DIR != TOP / "var"
    assert Path(settings.SANDBOX_STORE).parent == settings.VAR_DIR
    assert not settings.MONDAY_API_TOKEN


def test_every_variable_that_the_settings_read_is_cleared_for_tests():
    read = {
        node.args[0].value
        for node in ast.walk(ast.parse((TOP / "ordersite/settings.py").read_text(encoding="utf-8")))
        if isinstance(node, ast.Call) and ast.unparse(node.func) in READERS
        if node.args and isinstance(node.args[0], ast.Constant)
    }
    aged = {f"RETAIN_{kind.upper()}_DAYS" for kind in settings.RETAIN_DAYS}  # one for each kind, read in a loop
    assert read | aged == set(test_settings.OURS)


@pytest.mark.django_db(databases=["default", "orders"])
def test_the_orders_stand_in_a_database_of_their_own_that_is_never_migrated():
    ours, orders = connections["default"], connections["orders"]
    assert ours.settings_dict["NAME"] != orders.settings_dict["NAME"]
    assert "auth_user" in ours.introspection.table_names()
    assert not [name for name in orders.introspection.table_names() if name != "django_migrations"]
    worker = os.environ.get("PYTEST_XDIST_WORKER")
    assert not worker or str(orders.settings_dict["NAME"]).endswith(worker)


@pytest.mark.django_db(databases=["default", "orders"])
def test_addresses_of_sql_server_are_read():
    from ordersite.databases import database

    patch = pytest.MonkeyPatch()
    with patch.context() as context:
        context.setenv("ORDERSITE_TESTING", "0")
        context.setenv("ORDERS_DATABASE_URL", "mssql://reader:p%40ss@erp:1433/orders")
        entry = database("ORDERS_DATABASE_URL", Path("x"), test_url="TEST_ORDERS_DATABASE_URL")
    assert (entry["ENGINE"], entry["HOST"], entry["PASSWORD"]) == ("mssql", "erp", "p@ss")
    assert entry["OPTIONS"]["python_driver"] == "mssql_python"


@pytest.mark.skipif(os.name != "posix", reason="rights are told otherwise on this system")
def test_a_working_folder_that_is_made_is_closed_to_other_accounts(tmp_path: Path) -> None:
    assert check(folder=tmp_path / "new").returncode == 0
    assert (tmp_path / "new").stat().st_mode & 0o077 == 0
    (tmp_path / "shared").mkdir(mode=0o755)
    assert check(folder=tmp_path / "shared").returncode == 0
    assert (tmp_path / "shared").stat().st_mode & 0o777 == 0o755
