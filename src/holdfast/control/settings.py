"""Django's settings that never vary. What depends on the configuration is added by database.django_setup.

As a module it serves tools only (mypy's plugin, makemigrations); processes go through django_setup.
"""

from secrets import token_hex

# Nothing signed with it outlives the process: people carry API tokens, and there are no sessions yet.
SECRET_KEY = token_hex(32)
INSTALLED_APPS = [
    "django.contrib.contenttypes",
    "django.contrib.auth",
    "holdfast.control.accounts",
    "holdfast.control.projects",
    "holdfast.control.publication",
    "holdfast.control.organisations",
]
AUTH_USER_MODEL = "accounts.User"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
USE_TZ = True
TIME_ZONE = "UTC"
USE_I18N = False
ROOT_URLCONF = "holdfast.control.urls"
MIDDLEWARE: list[str] = []
ALLOWED_HOSTS = ["*"]  # the front forwards over a socket; no absolute URL is ever made from Host
APPEND_SLASH = False
LOGGING_CONFIG = None  # holdfast.log owns logging
DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}}
