"""Django settings, all of them from the environment; the README's settings table explains each variable."""

from __future__ import annotations

from datetime import timedelta
from math import ceil
from pathlib import Path
from typing import Any

import dj_database_url
from csp.constants import NONCE
from django.core.exceptions import ImproperlyConfigured

from . import checks, env
from .databases import database
from .logs import LEVELS, Wanted
from .mail import mail_server

BASE_DIR = Path(__file__).resolve().parent.parent
VAR_DIR = Path(env.text("VAR_DIR") or BASE_DIR / "var").absolute()
STATIC_ROOT = VAR_DIR / "static"
try:
    VAR_DIR.mkdir(mode=0o700, parents=True, exist_ok=True)  # sessions, orders and mails are in there
    STATIC_ROOT.mkdir(parents=True, exist_ok=True)
except OSError as problem:
    raise ImproperlyConfigured(
        f"VAR_DIR {VAR_DIR} cannot be made ({problem.strerror}). Remedy: name a folder that may be written."
    ) from None

PRODUCTION = env.flag("PRODUCTION", False)
DEBUG = env.flag("DEBUG", False)
SECRET_KEY = env.secret("SECRET_KEY")
if PRODUCTION and (not SECRET_KEY or SECRET_KEY.startswith("replace-")):
    raise ImproperlyConfigured(
        "SECRET_KEY is not set. Remedy: set SECRET_KEY or SECRET_KEY_FILE to a long random text."
    )
if not SECRET_KEY:
    SECRET_KEY = "embedded-demo-key-not-for-production-0f3b1c5a7d9e2468"  # noqa: S105  the embedded default listens on loopback only  # nosec B105
ALLOWED_HOSTS = [
    name.strip() for name in env.text("ALLOWED_HOSTS", "127.0.0.1,localhost,[::1]").split(",") if name.strip()
]

# --- in production everything goes over HTTPS; a proxy in front ends it, so its header is trusted only by choice -----
SECURE_SSL_REDIRECT = SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = PRODUCTION
# A probe or a scraper comes from the machine itself, past the proxy. Two answers hold no secret; the third asks for a
# token of its own.
SECURE_REDIRECT_EXEMPT = [r"^healthz$", r"^readyz$", r"^metrics$"]
SECURE_HSTS_SECONDS = env.whole("HSTS_SECONDS", 31_536_000 if PRODUCTION else 0, at_most=63_072_000)
SECURE_HSTS_INCLUDE_SUBDOMAINS = PRODUCTION
BEHIND_PROXY = env.flag("BEHIND_PROXY", False)
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if BEHIND_PROXY else None
CSRF_FAILURE_VIEW = "ordersite.errors.no_token"
CSRF_TRUSTED_ORIGINS = [origin.strip() for origin in env.text("CSRF_TRUSTED_ORIGINS").split(",") if origin.strip()]
SESSION_COOKIE_AGE = int(env.number("SESSION_HOURS", 12, at_least=0.25, at_most=24 * 30) * 3600)  # seconds
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 12}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "django.contrib.auth.password_validation.NumericPasswordValidator"},
]
LOGIN_REDIRECT_URL = "admin:index"  # where the login leads that names no page of this site
AUTHENTICATION_BACKENDS = ["axes.backends.AxesStandaloneBackend", "django.contrib.auth.backends.ModelBackend"]
AXES_FAILURE_LIMIT = 5
AXES_COOLOFF_TIME = timedelta(minutes=15)
AXES_LOCKOUT_PARAMETERS = [["username", "ip_address"]]
AXES_LOCKOUT_CALLABLE = "ordersite.lockout.locked"
AXES_CLIENT_IP_CALLABLE = "ordersite.lockout.address"
AXES_RESET_ON_SUCCESS = True
AXES_RESET_COOL_OFF_ON_FAILURE_DURING_LOCKOUT = False
AXES_DISABLE_ACCESS_LOG = True  # the audit tells who came in
AXES_ENABLE_ADMIN = AXES_VERBOSE = False
# The browsers' preload list is for public sites; ours is a company's own.
SILENCED_SYSTEM_CHECKS = ["security.W021"]

INSTALLED_APPS = [
    # First, since its templates stand in front of the admin's own.
    "ordersite",
    "ordersite.apps.OrdersiteAdminConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.humanize",
    "axes",
    "django_q",
    "import_export",
    "monday",
    "mapping",
    "staging",
]
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "csp.middleware.CSPMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "axes.middleware.AxesMiddleware",
]
ROOT_URLCONF = "ordersite.urls"
WSGI_APPLICATION = "ordersite.wsgi.application"
TEMPLATES: list[dict[str, Any]] = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ]
        },
    }
]

# --- databases: the app's own, the one that holds the orders, and the one of lists that people bring ---------------
# The package's own entry of this name stands for an older backend, which does not run on Django 5.
dj_database_url.register("mssql", "mssql")
DATABASES = {
    "default": database("DATABASE_URL", VAR_DIR / "app.sqlite3", test_url="TEST_DATABASE_URL"),
    "orders": database("ORDERS_DATABASE_URL", VAR_DIR / "orders.sqlite3", test_url="TEST_ORDERS_DATABASE_URL"),
    # Lists that people bring by the page: never the table that production reads, whose account only reads.
    "intake": database("INTAKE_DATABASE_URL", VAR_DIR / "intake.sqlite3", test_url="TEST_INTAKE_DATABASE_URL"),
}
BACKUP_DIR = env.text("BACKUP_DIR")  # where somebody puts copies of the first one, so that the doctor sees their age
DATABASE_ROUTERS = ["ordersite.databases.OrdersRouter"]
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
USE_TZ = True
TIME_ZONE = "UTC"

# --- monday.com --------------------------------------------------------------------------------------------------
MONDAY_API_URL = env.text("MONDAY_API_URL", "https://api.monday.com/v2")
if not checks.is_safe_address(MONDAY_API_URL):
    raise ImproperlyConfigured(
        "MONDAY_API_URL must be an https:// address without user or password, or an http:// address on this machine "
        "(a local board). Remedy: leave it unset for monday.com."
    )
MONDAY_API_TOKEN = env.secret("MONDAY_API_TOKEN")
MONDAY_API_VERSION = "2026-10"
MONDAY_CONNECT_TIMEOUT = env.number("MONDAY_CONNECT_TIMEOUT", 10, at_least=0.1, at_most=60)  # seconds
MONDAY_READ_TIMEOUT = env.number(
    "MONDAY_READ_TIMEOUT", 75, at_least=0.1, at_most=300
)  # seconds; the server gives up at 60
MONDAY_DAILY_RESERVE = env.whole("MONDAY_DAILY_RESERVE", 50, at_most=25_000)  # calls a day, never spent
MONDAY_SETTLE_SECONDS = env.number(
    "MONDAY_SETTLE_SECONDS", 90, at_least=0, at_most=3600
)  # before an unclear creation is looked up
SOURCE_SHRINKAGE = env.number(
    "SOURCE_SHRINKAGE", 20, at_least=0, at_most=99
)  # percent of rows; more missing is refused
SANDBOX_STORE = env.text("SANDBOX_STORE", str(VAR_DIR / "sandbox.sqlite3"))

# --- jobs: messages carry an id only, and a run has its own lease, so the queue needs no retries of its own ----------
WORKERS = env.whole("WORKERS", 2, at_least=1, at_most=32)
JOB_SECONDS, JOBS_AHEAD = 3600, 2
Q_CLUSTER = {
    "name": "ordersite",
    "orm": "default",
    "workers": WORKERS,
    "queue_limit": JOBS_AHEAD,
    "bulk": 1,
    "timeout": JOB_SECONDS,
    # A message is handed out again after this long, and it waits inside a busy cluster for others to end.
    "retry": JOB_SECONDS * (ceil((JOBS_AHEAD + 1) / WORKERS) + 1) + 600,
    "max_attempts": 1,
    "ack_failures": True,
    "catch_up": False,
    "guard_cycle": 5,
    "save_limit": 1000,
}

# --- how many days each kind of what is past is kept, 0 for ever; what something later needs stays anyway -----------
RETAIN_DAYS = {
    kind: env.whole(f"RETAIN_{kind.upper()}_DAYS", days, at_most=36_500)
    for kind, days in {
        "batches": 1095,
        "findings": 90,
        "runs": 180,
        "audit": 3650,
        "api_calls": 90,
        "notices": 365,
        "signins": 90,
        "tasks": 30,
        "sessions": 1,
        "files": 90,
    }.items()
}
# A page hands out lists of up to this many rows itself; a longer one is written by a job.
EXPORT_ROWS = env.whole("EXPORT_ROWS", 50_000, at_least=1, at_most=200_000)
# Lists that people take home or bring. Hosts that share the database share this folder too.
FILES_DIR = env.text("FILES_DIR") or str(VAR_DIR / "files")
KEEP_FILES_DAYS = env.number("KEEP_FILES_DAYS", 7, at_least=0.01, at_most=365)
ARCHIVE_DIR = env.text("ARCHIVE_DIR") or str(VAR_DIR / "archive")  # what is removed of batches and the audit

# --- figures for monitoring: for whoever brings this token, or is signed in ------------------------------------------
METRICS_TOKEN = env.secret("METRICS_TOKEN")

# --- mails about runs that need a person: none without NOTIFY_TO; the embedded default writes them into files --------
NOTIFY_TO = [address.strip() for address in env.text("NOTIFY_TO").split(",") if address.strip()]
NOTIFY_HOSTS = [name.strip() for name in env.text("NOTIFY_HOSTS").split(",") if name.strip()]  # of the own network
SITE_URL = env.text("SITE_URL", "http://127.0.0.1:8000").rstrip("/")  # for the links in mails
EMAIL_FILE_PATH = str(VAR_DIR / "mail")
mail = mail_server(env.secret("EMAIL_URL") or ("smtp://localhost:25" if PRODUCTION else "file:"))
EMAIL_BACKEND, EMAIL_HOST, EMAIL_PORT = mail.backend, mail.host, mail.port
EMAIL_HOST_USER, EMAIL_HOST_PASSWORD = mail.user, mail.password
EMAIL_USE_TLS, EMAIL_USE_SSL, EMAIL_TIMEOUT = mail.starttls, mail.tls, 20
DEFAULT_FROM_EMAIL = SERVER_EMAIL = env.text("EMAIL_FROM", "ordersite@localhost")

# --- pages load nothing from elsewhere and run no script without a nonce --------------------------------------------
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": ["'self'"],
        "script-src": ["'self'", NONCE],
        "style-src": ["'self'", NONCE],
        "img-src": ["'self'", "data:"],
        "object-src": ["'none'"],
        "base-uri": ["'none'"],
        "form-action": ["'self'"],
        "frame-ancestors": ["'none'"],
    }
}

# --- the rest ----------------------------------------------------------------------------------------------------
LANGUAGE_CODE = "en"
FORMAT_MODULE_PATH = ["ordersite.formats"]
STATIC_URL = "static/"
# Found in their packages, so that no collecting step is needed before the first page.
WHITENOISE_USE_FINDERS = True

# --- logs: warnings to stderr so that a command's own output stays readable, and everything of note to the file -------
LOG_FILE = env.text("LOG_FILE")
LOG_LEVEL = env.choice("LOG_LEVEL", "WARNING", LEVELS)
LOGGING_CONFIG = "ordersite.logs.configure"
LOGGING = Wanted(
    level=LOG_LEVEL,
    file=LOG_FILE,
    secrets=(
        MONDAY_API_TOKEN,
        SECRET_KEY,
        METRICS_TOKEN,
        EMAIL_HOST_PASSWORD,
        *(str(entry.get("PASSWORD") or "") for entry in DATABASES.values()),
    ),
)
