"""Django's settings that never vary. What depends on the configuration is added by database.django_setup.

As a module it serves tools only (mypy's plugin, makemigrations); processes go through django_setup.
"""

from secrets import token_hex

SECRET_KEY = token_hex(32)  # until django_setup has read the instance's own (secret_key.py)
INSTALLED_APPS = [
    "django.contrib.contenttypes",
    "django.contrib.auth",
    "holdfast.control.accounts",
    "holdfast.control.projects",
    "holdfast.control.publication",
    "holdfast.control.organisations",
    "holdfast.control.tokens",
]
AUTH_USER_MODEL = "accounts.User"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
USE_TZ = True
TIME_ZONE = "UTC"
USE_I18N = False
ROOT_URLCONF = "holdfast.control.urls"
# Uploads and the API prove themselves by token alone: of all this they see nothing (web/middleware.py).
MIDDLEWARE: list[str] = [
    "holdfast.control.web.middleware.PageAnswers",
    "holdfast.control.web.middleware.Sessions",
    "holdfast.control.web.middleware.Csrf",
    "holdfast.control.web.middleware.SignedInUser",
    "holdfast.control.web.middleware.Messages",
    "holdfast.control.web.middleware.Sign",
]
ALLOWED_HOSTS = ["*"]  # Host is written over with the public URL's before Django sees a page's request (wsgi.py)
APPEND_SLASH = False
LOGGING_CONFIG = None  # holdfast.log owns logging
DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}}

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.jinja2.Jinja2",
        "DIRS": [],  # web/environment.py knows where they are
        "OPTIONS": {
            "environment": "holdfast.control.web.environment.environment",
            "context_processors": ["holdfast.control.web.environment.everywhere"],
        },
    }
]
SESSION_ENGINE = "holdfast.control.web.sessions"
SESSION_COOKIE_AGE = 14 * 86_400  # seconds
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"  # a link from a mail must find its reader signed in
CSRF_COOKIE_HTTPONLY = True
CSRF_COOKIE_SAMESITE = "Lax"
CSRF_COOKIE_AGE = None  # with the browser's session
CSRF_FAILURE_VIEW = "holdfast.control.web.pages.forged"
MESSAGE_STORAGE = "django.contrib.messages.storage.cookie.CookieStorage"  # visitors get no row for a notice
DATA_UPLOAD_MAX_MEMORY_SIZE = 1024 * 1024  # bytes of a form; the front takes no more either
DATA_UPLOAD_MAX_NUMBER_FIELDS = 200
FILE_UPLOAD_HANDLERS: list[str] = []  # no page takes a file
LOGIN_URL = "/account/login/"
LOGIN_REDIRECT_URL = "/account/"
