"""Django's settings. They say where things are and which secrets; how things behave lives with the things."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import Any

import dj_database_url
from csp.constants import NONE, SELF

from yoake.config.environment import derived, read, secret_key

ENVIRONMENT = read()
PACKAGE = Path(__file__).resolve().parent.parent

SECRET_KEY = derived(secret_key(ENVIRONMENT.key_file), "django")
DEBUG = False
ALLOWED_HOSTS = list(ENVIRONMENT.allowed_hosts)
if ENVIRONMENT.public_host and ENVIRONMENT.public_host not in ALLOWED_HOSTS:
    ALLOWED_HOSTS.append(ENVIRONMENT.public_host)

INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "allauth.usersessions",
    "allauth.socialaccount",
    "allauth.socialaccount.providers.openid_connect",
    "csp",
    "django_htmx",
    "yoake.config",
    "yoake.casework.audit",
    "yoake.casework.people",
    "yoake.casework.sources",
    "yoake.casework.cases",
    "yoake.casework.quality",
    "yoake.casework.wording",
    "yoake.casework.registers",
    "yoake.casework.evidence",
    "yoake.casework.outbox",
    "yoake.casework.report",
    "yoake.casework.request",
    "yoake.casework.help",
    "yoake.casework.appeal",
    "yoake.casework.warn",
    "yoake.casework.link",
    "yoake.console",
    "yoake.public",
]

MIDDLEWARE = [
    "yoake.config.proxy.OnlyThroughProxy",
    "django.middleware.security.SecurityMiddleware",
    "csp.middleware.CSPMiddleware",
    "yoake.config.public_host.OnlyPublicPages",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
]

ROOT_URLCONF = "yoake.config.urls"
WSGI_APPLICATION = "yoake.config.wsgi.application"
TEMPLATES: list[dict[str, Any]] = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [],
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

# --- database -------------------------------------------------------------------------------------------------------
DATABASE_FOLDER = ENVIRONMENT.data / "db"
DATABASES: dict[str, dict[str, Any]]
if ENVIRONMENT.database_url:
    DATABASES = {"default": {**dj_database_url.parse(ENVIRONMENT.database_url)}}
    if DATABASES["default"]["ENGINE"] == "django.db.backends.postgresql":
        # each process keeps one connection open and takes more as its threads ask; nobody waits half a minute for a dead server
        pool = {"min_size": 1, "max_size": 32, "timeout": 5.0}
        DATABASES["default"]["OPTIONS"] = {**DATABASES["default"].get("OPTIONS", {}), "pool": pool}
else:
    DATABASES = {
        "default": {
            "ENGINE": "django.db.backends.sqlite3",
            "NAME": DATABASE_FOLDER / "yoake.sqlite3",
            "TEST": {"NAME": DATABASE_FOLDER / "test.sqlite3"},  # a file as in real life: threads share it
            "OPTIONS": {
                "transaction_mode": "IMMEDIATE",  # a writer waits at its first statement instead of failing at its last
                "timeout": 20,
                "init_command": (
                    "PRAGMA journal_mode=WAL;PRAGMA synchronous=NORMAL;"
                    "PRAGMA mmap_size=134217728;PRAGMA cache_size=-20000;"
                    "PRAGMA secure_delete=ON;"  # what is deleted is overwritten; see docs/howto/stop.md for what is left
                ),
            },
        }
    }
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# --- what is counted: who failed to sign in, and apart from that what strangers do; whoever has many addresses pushes out neither
# In files, because the processes that serve pages count together.
_COUNTERS = {"BACKEND": "django.core.cache.backends.filebased.FileBasedCache", "OPTIONS": {"MAX_ENTRIES": 20_000}}
CACHES: dict[str, dict[str, Any]] = {
    "default": {**_COUNTERS, "LOCATION": ENVIRONMENT.data / "cache" / "sign-in"},
    "public": {**_COUNTERS, "LOCATION": ENVIRONMENT.data / "cache" / "public"},
    # Statistics that somebody just looked at (console/statistics_kept.py): a page, its charts and its files are counted once.
    "figures": {
        "BACKEND": "django.core.cache.backends.filebased.FileBasedCache",
        "LOCATION": ENVIRONMENT.data / "cache" / "figures",
        "OPTIONS": {"MAX_ENTRIES": 1000},
    },
    "pictures": {  # their charts, apart: many of them push out no figure, which would have to be counted again
        "BACKEND": "django.core.cache.backends.filebased.FileBasedCache",
        "LOCATION": ENVIRONMENT.data / "cache" / "pictures",
        "OPTIONS": {"MAX_ENTRIES": 1000},
    },
}

# --- people ---------------------------------------------------------------------------------------------------------
AUTH_USER_MODEL = "people.User"
AUTHENTICATION_BACKENDS = ["allauth.account.auth_backends.AuthenticationBackend"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 12}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
LOGIN_URL = "/sign-in/"
LOGIN_REDIRECT_URL = "/"
ACCOUNT_LOGIN_METHODS = {"username"}
ACCOUNT_SIGNUP_FIELDS = ["username*", "password1*"]
ACCOUNT_EMAIL_VERIFICATION = "none"
ACCOUNT_ADAPTER = "yoake.console.account.ClosedAccounts"
ACCOUNT_EMAIL_NOTIFICATIONS = False  # no mail server is needed; the audit knows
ACCOUNT_REAUTHENTICATION_TIMEOUT = 600  # s after which sensitive acts ask again who one is
MFA_ADAPTER = "yoake.console.second_factor.SecondFactors"
MFA_SUPPORTED_TYPES = ["totp", "webauthn", "recovery_codes"]
MFA_TOTP_ISSUER = "Yoake"
MFA_TOTP_TOLERANCE = 1  # a telephone's clock may be half a minute off
MFA_ALLOW_UNVERIFIED_EMAIL = True
SOCIALACCOUNT_ADAPTER = "yoake.console.elsewhere.KnownPeople"
SOCIALACCOUNT_LOGIN_ON_GET = True  # a form that leads to another site is stopped by the content security policy
SOCIALACCOUNT_STORE_TOKENS = False
SOCIALACCOUNT_QUERY_EMAIL = True
SOCIALACCOUNT_PROVIDERS: dict[str, Any] = {}
if ENVIRONMENT.oidc_issuer:
    SOCIALACCOUNT_PROVIDERS["openid_connect"] = {
        "OAUTH_PKCE_ENABLED": True,
        "APPS": [
            {
                "provider_id": "oidc",
                "name": ENVIRONMENT.oidc_name,
                "client_id": ENVIRONMENT.oidc_client_id,
                "secret": ENVIRONMENT.oidc_client_secret,
                "settings": {"server_url": ENVIRONMENT.oidc_issuer, "oauth_pkce_enabled": True},
            }
        ],
    }
SESSION_COOKIE_AGE = 12 * 3600  # a working day
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"

# --- what travels ---------------------------------------------------------------------------------------------------
_ENCRYPTED = bool(ENVIRONMENT.tls_cert or ENVIRONMENT.proxy)
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = _ENCRYPTED
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"  # forms need their origin; other sites learn nothing
SECURE_CROSS_ORIGIN_OPENER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
CSRF_FAILURE_VIEW = "yoake.console.errors.csrf_failure"
if ENVIRONMENT.proxy:
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
    ALLAUTH_TRUSTED_PROXY_COUNT = (
        1  # sign-ins are limited by the last address in X-Forwarded-For, which the proxy wrote
    )
    CSRF_TRUSTED_ORIGINS = [f"https://{host}" for host in ALLOWED_HOSTS]
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [NONE],
        "script-src": [SELF],
        "style-src": [SELF],
        "img-src": [SELF, "data:"],
        "font-src": [SELF],
        "connect-src": [SELF],
        "form-action": [SELF],
        "base-uri": [NONE],
        "frame-ancestors": [NONE],
    }
}

# --- what is uploaded -----------------------------------------------------------------------------------------------
FILE_UPLOAD_HANDLERS = ["yoake.console.uploads.InMemory"]  # never on a disk
DATA_UPLOAD_MAX_MEMORY_SIZE = 6_000_000  # a list of addresses is long

# --- language, time -------------------------------------------------------------------------------------------------
LANGUAGE_CODE = ENVIRONMENT.language
LANGUAGES = [("ja", "日本語"), ("en", "English")]
LOCALE_PATHS = [PACKAGE / "locale"]
USE_I18N = True
USE_TZ = True
TIME_ZONE = "Asia/Tokyo"  # what people read; the database holds UTC

# --- static files ---------------------------------------------------------------------------------------------------
STATIC_URL = "/static/"
_FONTS = find_spec("matplotlib_fontja")  # found without importing it: that would load matplotlib into every process
STATICFILES_DIRS = [("fonts", f"{folder}/fonts") for folder in (_FONTS and _FONTS.submodule_search_locations) or ()]
WHITENOISE_USE_FINDERS = True  # straight from the packages: no collecting step, no copy that can be stale
WHITENOISE_AUTOREFRESH = False

# --- Yoake ----------------------------------------------------------------------------------------------------------
YOAKE_CATEGORIES = ENVIRONMENT.data / "categories"  # the deployment's own categories, laid over the shipped ones
YOAKE_MODELS = ENVIRONMENT.data / "models"  # the store of models, with the pointers `serving` and `shadow`
LOGGING: dict[str, Any] = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"plain": {"format": "%(asctime)s %(levelname)s %(name)s: %(message)s"}},
    "filters": {"tokens": {"()": "yoake.config.logs.WithoutTokens"}},
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "plain", "filters": ["tokens"]}},
    "root": {"handlers": ["stderr"], "level": "WARNING"},
    "loggers": {"psycopg.pool": {"level": "ERROR"}},  # whoever asked for a connection says it once, as a sentence
}
