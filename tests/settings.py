"""The settings that tests run under: ours, with working files in a temporary folder and nothing of the person's own.

Named in pyproject.toml, since pytest-django reads the settings before any conftest is imported. The databases are files
and not in memory, so that threads and child processes of a test share them as they do in earnest. Other databases take
part through TEST_DATABASE_URL and TEST_ORDERS_DATABASE_URL. A child process of a test inherits the environment made
here, so it keeps out of `var/` as well.
"""

import atexit
import os
import shutil
import tempfile
from pathlib import Path

OURS = (
    *(
        "ALLOWED_HOSTS",
        "BACKUP_DIR",
        "BEHIND_PROXY",
        "CSRF_TRUSTED_ORIGINS",
        "DATABASE_URL",
        "DEBUG",
        "HSTS_SECONDS",
        "INTAKE_DATABASE_URL",
        "LOG_FILE",
    ),
    *("EMAIL_FROM", "EMAIL_URL", "NOTIFY_HOSTS", "NOTIFY_TO", "SITE_URL"),
    *(
        "LOG_LEVEL",
        "METRICS_TOKEN",
        "MONDAY_API_TOKEN",
        "MONDAY_API_URL",
        "MONDAY_CONNECT_TIMEOUT",
        "MONDAY_DAILY_RESERVE",
    ),
    *("MONDAY_READ_TIMEOUT", "MONDAY_SETTLE_SECONDS", "ORDERS_DATABASE_URL", "PRODUCTION", "SANDBOX_STORE"),
    *(
        "ARCHIVE_DIR",
        "EXPORT_ROWS",
        "FILES_DIR",
        "KEEP_FILES_DAYS",
        "RETAIN_API_CALLS_DAYS",
        "RETAIN_AUDIT_DAYS",
        "RETAIN_BATCHES_DAYS",
        "RETAIN_FILES_DAYS",
    ),
    *("RETAIN_FINDINGS_DAYS", "RETAIN_NOTICES_DAYS", "RETAIN_RUNS_DAYS", "RETAIN_SESSIONS_DAYS"),
    *("RETAIN_SIGNINS_DAYS", "RETAIN_TASKS_DAYS"),
    *("SECRET_KEY", "SESSION_HOURS", "SOURCE_SHRINKAGE", "VAR_DIR", "WORKERS"),
)
for name in OURS:
    os.environ.pop(name, None)
    os.environ.pop(f"{name}_FILE", None)

folder = Path(tempfile.mkdtemp(prefix="ordersite-tests-"))
atexit.register(shutil.rmtree, folder, ignore_errors=True)
os.environ.update(
    ORDERSITE_TESTING="1",
    VAR_DIR=str(folder),
    SANDBOX_STORE=str(folder / "sandbox.sqlite3"),
    # For child processes, which keep this folder and use the databases that their DATABASE_URL names.
    DJANGO_SETTINGS_MODULE="ordersite.settings",
)

from ordersite.settings import *  # noqa: E402, F403
from ordersite.settings import DATABASES  # noqa: E402

for alias, entry in DATABASES.items():
    on_file = entry["ENGINE"] == "django.db.backends.sqlite3"
    # Names of their own, or two addresses of one server would count as one database. xdist workers add their number.
    entry["TEST"] = {"NAME": str(folder / f"test-{alias}.sqlite3") if on_file else f"test_{entry['NAME']}_{alias}"}
# The orders are a stranger's table: a test makes it itself, and no migration ever runs there.
DATABASES["orders"]["TEST"]["MIGRATE"] = DATABASES["intake"]["TEST"]["MIGRATE"] = False

# Real password hashes take longer than the tests that need one.
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]

# Every client of a test would read all static files anew before its first page.
WHITENOISE_AUTOREFRESH = True
