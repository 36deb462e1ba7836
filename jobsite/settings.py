"""Every setting of jobsite, each read from the environment, each failing loudly. The table for operators is in docs/operations.md."""

import ipaddress
import os
from datetime import timedelta
from pathlib import Path
from typing import Any

import environ
from csp.constants import NONE, SELF
from django.core.exceptions import ImproperlyConfigured

from jobs.times import read_span
from jobsite import embedded_postgres, keys

env = environ.Env()
BASE_DIR = Path(__file__).resolve().parent.parent


def seconds(name: str, default: int, *, at_least: int = 1) -> int:
    """A whole number of seconds from the environment, or ImproperlyConfigured naming the variable."""
    return whole(name, default, at_least=at_least)


def whole(name: str, default: int, *, at_least: int = 0, at_most: int | None = None) -> int:
    text = os.environ.get(name, "").strip()
    try:
        value = int(text) if text else default
    except ValueError:
        raise ImproperlyConfigured(f"{name} must be a whole number, not {text!r}.") from None
    if value < at_least:
        raise ImproperlyConfigured(f"{name} must be at least {at_least}, not {value}.")
    if at_most is not None and value > at_most:
        raise ImproperlyConfigured(f"{name} must be at most {at_most}, not {value}.")
    return value


def kept_for(name: str, default: str) -> timedelta | None:
    """A length of time as `30d`; None for `never`: what is never deleted."""
    text = os.environ.get(name, "").strip() or default
    try:
        period = None if text == "never" else read_span(text)
    except ValueError as error:
        raise ImproperlyConfigured(f"{name}: {error}; or never.") from None
    if period and period > timedelta(days=36_500):
        raise ImproperlyConfigured(f"{name} must be at most 36500d, not {text}; or never.")
    return period


def switch(name: str, *, default: bool) -> bool:
    text = os.environ.get(name, "").strip().lower()
    words = {"": default, "1": True, "true": True, "yes": True, "on": True, "0": False, "false": False, "no": False, "off": False}
    if text not in words:
        raise ImproperlyConfigured(f"{name} must be 1 or 0, not {text!r}.")
    return words[text]


def networks(name: str, default: str = "") -> list[ipaddress.IPv4Network | ipaddress.IPv6Network]:
    """Networks and addresses with commas between."""
    try:
        return [ipaddress.ip_network(word.strip()) for word in os.environ.get(name, default).split(",") if word.strip()]
    except ValueError as error:
        raise ImproperlyConfigured(f"{name} must name networks like 10.0.0.0/8, with commas between: {error}.") from None


# --- Where we are ---------------------------------------------------------------------------------------------------

# In production every secret comes from the environment and cookies travel over HTTPS only; elsewhere the data dir holds the secrets.
PRODUCTION = switch("JOBSITE_PRODUCTION", default=False)
DEBUG = switch("DJANGO_DEBUG", default=False)
if PRODUCTION and DEBUG:
    raise ImproperlyConfigured("DJANGO_DEBUG must be off when JOBSITE_PRODUCTION is on: it shows settings and source to visitors.")
DATA_DIR = Path(env.str("JOBSITE_DATA_DIR", default="") or BASE_DIR / ".jobsite").absolute()

SECRET_KEY = keys.secret("DJANGO_SECRET_KEY", DATA_DIR / "django-secret-key", required=PRODUCTION, at_least=50)
ALLOWED_HOSTS = env.list(
    "DJANGO_ALLOWED_HOSTS", default=[] if PRODUCTION else ["localhost", "127.0.0.1", "[::1]", env.str("JOBSITE_BIND", default="127.0.0.1")]
)
if PRODUCTION and not ALLOWED_HOSTS:
    raise ImproperlyConfigured("DJANGO_ALLOWED_HOSTS must name the hosts this site is served as, separated by commas.")
CSRF_TRUSTED_ORIGINS = env.list("DJANGO_CSRF_TRUSTED_ORIGINS", default=[])

# --- Applications ---------------------------------------------------------------------------------------------------

INSTALLED_APPS = [
    "jobs",
    "orchestration_api",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django_filters",
    "django_htmx",
    "csp",
    "axes",
    "rest_framework",
    "drf_spectacular",
    "drf_spectacular_sidecar",
]
MIDDLEWARE = [
    "orchestration_api.middleware.RequestIdMiddleware",
    # First of those that answer themselves: its policy is on their redirects and files, too.
    "csp.middleware.CSPMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "orchestration_api.middleware.MachineDoorMiddleware",
    "orchestration_api.doubt.DoubtMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "axes.middleware.AxesMiddleware",
]
ROOT_URLCONF = "jobsite.urls"
WSGI_APPLICATION = "jobsite.wsgi.application"
APPEND_SLASH = True
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "jobs.views.frame.frame",
            ]
        },
    }
]
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in ("UserAttributeSimilarityValidator", "MinimumLengthValidator", "CommonPasswordValidator", "NumericPasswordValidator")
]
LOGIN_URL = "admin:login"
# The first refuses who must wait, the second knows people.
AUTHENTICATION_BACKENDS = ["jobs.views.signing_in.Lock", "django.contrib.auth.backends.ModelBackend"]
# Stands beside the name of the site on every page, so that nobody takes one installation for another.
ENVIRONMENT_NAME = env.str("JOBSITE_ENVIRONMENT_NAME", default="")
LANGUAGE_CODE = "en-us"
TIME_ZONE = "UTC"
USE_I18N = False
USE_TZ = True

# --- Database -------------------------------------------------------------------------------------------------------

WEB_PROCESSES = whole("WEB_CONCURRENCY", 2, at_least=1, at_most=256)
WEB_THREADS = whole("JOBSITE_WEB_THREADS", 8, at_least=1)
# Connections of a process: one for each thread, and two to spare.
POOL_SIZE = WEB_THREADS + 2
STATEMENT_TIMEOUT_SECONDS = seconds("JOBSITE_STATEMENT_TIMEOUT_SECONDS", 30)
# How long whoever needs the database waits for one that is away.
DATABASE_PATIENCE_SECONDS = seconds("JOBSITE_DATABASE_PATIENCE_SECONDS", 20, at_least=0)
# Generic plans: planning is most of the cost of a prepared single-row statement (docs/decisions/0004-database-connections.md).
# An idle open transaction stops vacuum for the whole database, so the server ends it. Compiling what runs for a millisecond is no gain.
SERVER_SETTINGS = {
    "plan_cache_mode": "force_generic_plan",
    "statement_timeout": f"{STATEMENT_TIMEOUT_SECONDS}s",
    "idle_in_transaction_session_timeout": "60s",
    "lock_timeout": "10s",
    "jit": "off",
}


def database() -> dict[str, Any]:
    url = env.str("DATABASE_URL", default="")
    if url:
        settings: dict[str, Any] = environ.Env.db_url_config(url)
        if settings.get("ENGINE") != "django.db.backends.postgresql":
            raise ImproperlyConfigured("DATABASE_URL must be a postgres:// address: jobsite runs on PostgreSQL only.")
    elif PRODUCTION:
        raise ImproperlyConfigured(
            "DATABASE_URL must name the PostgreSQL database: the embedded server is for one machine, not for production."
        )
    else:
        settings = embedded_postgres.django_settings(DATA_DIR)
    options = dict(settings.get("OPTIONS", {}))
    # Ours first: what DATABASE_URL itself says in ?options= wins.
    ours = " ".join(f"-c {name}={value}" for name, value in SERVER_SETTINGS.items())
    options["options"] = f"{ours} {options.get('options', '')}".strip()
    options["application_name"] = "jobsite"
    options.setdefault("connect_timeout", 10)
    # Statements that go through a plain cursor are prepared at their first use (jobs/statements.py); Django's own never are.
    options["prepare_threshold"] = 0
    # A pool of the process: a new connection for each request is many times slower (benchmarks/connections.py).
    # While its database is away a pool asks for it ever more seldom. So it soon gives up, and is asked anew (jobsite/postgresql).
    options["pool"] = {"min_size": 1, "max_size": POOL_SIZE, "max_idle": 300, "timeout": 2, "reconnect_timeout": 1}
    return {
        **settings,
        "ENGINE": "jobsite.postgresql",
        "OPTIONS": options,
        "CONN_MAX_AGE": 0,
        # jobsite/postgresql looks at a connection before it is used, which costs less than asking the server each time.
        "CONN_HEALTH_CHECKS": False,
        "DISABLE_SERVER_SIDE_CURSORS": False,
    }


DATABASES = {"default": database()}
# Notifications don't pass a pooler that shares connections between transactions: a way around it for the one connection that listens.
LISTEN_URL = env.str("JOBSITE_LISTEN_URL", default="") or None
if LISTEN_URL and not LISTEN_URL.startswith(("postgres://", "postgresql://")):
    raise ImproperlyConfigured("JOBSITE_LISTEN_URL must be a postgres:// address: that of DATABASE_URL without the pooler.")

# --- Static files ---------------------------------------------------------------------------------------------------

STATIC_URL = "/static/"
STATIC_ROOT = Path(env.str("JOBSITE_STATIC_ROOT", default="") or BASE_DIR / "staticfiles")
STATICFILES_DIRS = [BASE_DIR / "static"]
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"},
}

# --- Security -------------------------------------------------------------------------------------------------------

SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
# Nothing from outside, no script or style within a page, on every page there is: ours, the admin's, those of errors.
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [NONE],
        "script-src": [SELF],
        "style-src": [SELF],
        "img-src": [SELF, "data:"],
        "font-src": [SELF],
        "connect-src": [SELF],
        "form-action": [SELF],
        "frame-ancestors": [NONE],
        "base-uri": [NONE],
    }
}
CSRF_FAILURE_VIEW = "jobs.views.errors.csrf_failure"
# Wrong passwords: a name is locked from an address, and from nowhere else (jobs/views/signing_in.py).
AXES_FAILURE_LIMIT = whole("JOBSITE_LOGIN_FAILURES_ALLOWED", 5, at_least=1)
AXES_COOLOFF_TIME = timedelta(seconds=seconds("JOBSITE_LOGIN_LOCK_SECONDS", 900))
AXES_LOCKOUT_PARAMETERS = [["username", "ip_address"]]
AXES_RESET_ON_SUCCESS = True
# The time that is told holds, however often it is tried before.
AXES_RESET_COOL_OFF_ON_FAILURE_DURING_LOCKOUT = False
AXES_CLIENT_IP_CALLABLE = "jobs.views.signing_in.address_of"
AXES_LOCKOUT_CALLABLE = "jobs.views.signing_in.locked_out"
AXES_DISABLE_ACCESS_LOG = True
AXES_ENABLE_ADMIN = False
AXES_VERBOSE = False
X_FRAME_OPTIONS = "DENY"
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = PRODUCTION
SECURE_SSL_REDIRECT = PRODUCTION and switch("DJANGO_SSL_REDIRECT", default=True)
# The machine door redirects nowhere: it refuses plain HTTP itself, as JSON (orchestration_api/middleware.py).
SECURE_REDIRECT_EXEMPT = [r"^healthz$", r"^readyz$", r"^api/internal", r"^jobs/[^/]+/release$"]
SECURE_HSTS_SECONDS = whole("DJANGO_HSTS_SECONDS", 31_536_000 if PRODUCTION else 0)
SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = PRODUCTION
if switch("JOBSITE_BEHIND_TLS_PROXY", default=False):
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")

# --- The machine door -----------------------------------------------------------------------------------------------

# One key, or two with a comma while the old one is being replaced.
INTERNAL_API_KEYS = keys.secrets_list("INTERNAL_API_KEY", DATA_DIR / "internal-api-key", required=PRODUCTION, at_least=24, at_most=2)
# How many wrong tokens an address may send. Behind proxies its address is in X-Forwarded-For, which is believed of these networks only.
AUTH_FAILURES_PER_MINUTE = whole("JOBSITE_AUTH_FAILURES_PER_MINUTE", 100, at_least=1)
TRUSTED_PROXIES = networks("JOBSITE_TRUSTED_PROXIES")
REQUIRE_LEASE_TOKENS = switch("JOBSITE_REQUIRE_LEASE_TOKENS", default=False)
TIMESTAMP_TOLERANCE_SECONDS = seconds("JOBSITE_TIMESTAMP_TOLERANCE_SECONDS", 300, at_least=0)
MIB = 1024 * 1024
BODY_LIMIT = whole("JOBSITE_BODY_LIMIT_BYTES", MIB, at_least=1024)
BATCH_BODY_LIMIT = whole("JOBSITE_BATCH_BODY_LIMIT_BYTES", 8 * MIB, at_least=1024)
REPORT_BODY_LIMIT = whole("JOBSITE_REPORT_BODY_LIMIT_BYTES", 16 * MIB, at_least=1024)
ANSWER_LIMIT = 8 * MIB
# Django's own limits are for forms; the machine door has the ones above.
DATA_UPLOAD_MAX_MEMORY_SIZE = max(BODY_LIMIT, BATCH_BODY_LIMIT, REPORT_BODY_LIMIT)
REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": ["orchestration_api.authentication.TokenAuthentication"],
    "DEFAULT_PERMISSION_CLASSES": ["orchestration_api.permissions.HasValidToken"],
    "DEFAULT_PARSER_CLASSES": ["orchestration_api.parsers.StrictJSONParser"],
    "DEFAULT_RENDERER_CLASSES": ["orchestration_api.renderers.WireRenderer"],
    "DEFAULT_CONTENT_NEGOTIATION_CLASS": "orchestration_api.renderers.AlwaysJSON",
    "EXCEPTION_HANDLER": "orchestration_api.exceptions.answer",
    "UNAUTHENTICATED_USER": None,
    "UNAUTHENTICATED_TOKEN": None,
    "DEFAULT_SCHEMA_CLASS": "orchestration_api.openapi.document.DoorSchema",
}
# Everybody who reaches the server may read how it is spoken to: /api/docs and /api/schema ask for no token.
API_DOCS = switch("JOBSITE_API_DOCS", default=True)
SPECTACULAR_SETTINGS = {
    "OAS_VERSION": "3.1.0",
    "DEFAULT_GENERATOR_CLASS": "orchestration_api.openapi.document.Document",
    "POSTPROCESSING_HOOKS": [],
    # From our own static files; and nobody else is asked whether the document is valid.
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "SWAGGER_UI_SETTINGS": {"deepLinking": True, "validatorUrl": None, "docExpansion": "list", "defaultModelsExpandDepth": 0},
}

# --- Metrics --------------------------------------------------------------------------------------------------------

# /metrics is answered to those who send the token, or come straight from one of the networks. With neither it is not there.
METRICS_TOKEN = env.str("JOBSITE_METRICS_TOKEN", default="").strip()
if METRICS_TOKEN and len(METRICS_TOKEN) < 24:
    raise ImproperlyConfigured("JOBSITE_METRICS_TOKEN must have at least 24 characters.")
METRICS_NETWORKS = networks("JOBSITE_METRICS_NETWORKS", default="" if PRODUCTION else "127.0.0.0/8,::1")

# --- Leases and sweeps (contract: docs/api.md) ----------------------------------------------------------------------

CLAIM_LEASE_SECONDS = seconds("JOBSITE_CLAIM_LEASE_SECONDS", 60)
ACKNOWLEDGED_LEASE_SECONDS = seconds("JOBSITE_ACKNOWLEDGED_LEASE_SECONDS", 300)
HEARTBEAT_LEASE_SECONDS = seconds("JOBSITE_HEARTBEAT_LEASE_SECONDS", 90)
TIMEOUT_GRACE_SECONDS = seconds("JOBSITE_TIMEOUT_GRACE_SECONDS", 120)
CANCEL_GRACE_SECONDS = seconds("JOBSITE_CANCEL_GRACE_SECONDS", 60)
# Queued jobs that no orchestrator heard of in that time has asked for, as long as it is, are told of as unroutable.
UNROUTABLE_SECONDS = seconds("JOBSITE_UNROUTABLE_SECONDS", 600)
CLAIM_LOSSES_ALLOWED = whole("JOBSITE_CLAIM_LOSSES_ALLOWED", 5, at_least=1)
# A run that is lost so often within the time ends its job for good; a job given back so often within the time fails.
LEASE_LOSSES_ALLOWED = whole("JOBSITE_LEASE_LOSSES_ALLOWED", 3, at_least=2)
LEASE_LOSSES_WITHIN_SECONDS = seconds("JOBSITE_LEASE_LOSSES_WITHIN_SECONDS", 259_200)
RELEASES_ALLOWED = whole("JOBSITE_RELEASES_ALLOWED", 10, at_least=2)
RELEASES_WITHIN_SECONDS = seconds("JOBSITE_RELEASES_WITHIN_SECONDS", 3600)
# An orchestrator that holds jobs and was not heard of for so long is told of.
OFFLINE_SECONDS = seconds("JOBSITE_OFFLINE_SECONDS", 300)

# --- How long what has ended is kept --------------------------------------------------------------------------------

# Whether the sweep loop deletes what has outlived these; `manage.py prune_jobs` always does.
PRUNE = switch("JOBSITE_PRUNE", default=False)
KEEP_COMPLETED = kept_for("JOBSITE_KEEP_COMPLETED", "30d")
KEEP_FAILED = kept_for("JOBSITE_KEEP_FAILED", "90d")
KEEP_LOGS = kept_for("JOBSITE_KEEP_LOGS", "14d")

# --- Logs -----------------------------------------------------------------------------------------------------------

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "%(asctime)s %(levelname)s %(name)s [%(request_id)s] %(message)s"}},
    "filters": {"request_id": {"()": "orchestration_api.tracing.RequestIdFilter"}},
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line", "filters": ["request_id"]}},
    "root": {"handlers": ["stderr"], "level": env.str("JOBSITE_LOG_LEVEL", default="INFO").upper()},
    # A refused request is an answer, not a fault of ours: only 5xx are worth a line. Who waits for a database that is away says so itself,
    # not each second.
    "loggers": {
        "django.request": {"level": "ERROR"},
        "httpx2": {"level": "WARNING"},
        "axes": {"level": "WARNING"},
        "psycopg.pool": {"level": "ERROR"},
    },
}
