"""Django's settings that never vary. What depends on the configuration is added by database.django_setup.

As a module it serves tools only (mypy's plugin, makemigrations); processes go through django_setup.
"""

from secrets import token_hex

SECRET_KEY = token_hex(32)  # until django_setup has read the instance's own (secret_key.py)
INSTALLED_APPS = [
    "django.contrib.contenttypes",
    "django.contrib.auth",
    "holdfast.control.accounts",
    "holdfast.control.mail",
    "holdfast.control.domains",
    "holdfast.control.projects",
    "holdfast.control.publication",
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "allauth.socialaccount",
    "holdfast.control.staging",
    "holdfast.control.publishers",
    "holdfast.control.organisations",
    "holdfast.control.sign_in",
    "holdfast.control.tokens",
    "holdfast.control.retention",
    "holdfast.control.hooks",
    "holdfast.control.moderation",
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
    "holdfast.control.web.second_factor.SecondFactorFirst",
    "allauth.account.middleware.AccountMiddleware",  # of other requests than pages it only keeps a reference
    "holdfast.control.web.middleware.AskAgain",
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
MESSAGE_STORAGE = "holdfast.control.web.messages.Notices"  # a cookie: visitors get no row for a notice
MESSAGE_COOKIE_NAME = "holdfast-notices"  # as page_settings.py names it
DATA_UPLOAD_MAX_MEMORY_SIZE = 1024 * 1024  # bytes of a form; the front takes no more either
DATA_UPLOAD_MAX_NUMBER_FIELDS = 200
FILE_UPLOAD_HANDLERS: list[str] = []  # no page takes a file
KNOWN_COOKIE_NAME = "holdfast-browser"  # as page_settings.py names it
SIGN_IN_COOKIE_NAME = "holdfast-sign-in"  # likewise
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "account_home"

CACHES = {"default": {"BACKEND": "holdfast.control.accounts.cache.RowCache"}}
PASSWORD_HASHERS = ["holdfast.control.accounts.hashing.BoundedArgon2"]
PASSWORD_RESET_TIMEOUT = 3 * 86_400  # seconds; a weekend, and the mail says so
AUTHENTICATION_BACKENDS = ["holdfast.control.accounts.backend.Passwords"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 12}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "holdfast.control.accounts.breached.NotBreached"},
]

ACCOUNT_ADAPTER = "holdfast.control.accounts.adapter.AccountAdapter"
ACCOUNT_LOGIN_METHODS = {"username", "email"}
ACCOUNT_SIGNUP_FIELDS = ["username*", "email*", "password1*"]
ACCOUNT_USERNAME_VALIDATORS = "holdfast.control.accounts.names.USERNAME_VALIDATORS"
ACCOUNT_EMAIL_VERIFICATION = "mandatory"
ACCOUNT_EMAIL_NOTIFICATIONS = True
ACCOUNT_MAX_EMAIL_ADDRESSES = 10
ACCOUNT_EMAIL_SUBJECT_PREFIX = ""
ACCOUNT_SESSION_REMEMBER = True
ACCOUNT_FORMS = {"reset_password": "holdfast.control.accounts.forms.ResetPassword"}
# What is limited is limited by our own counts (web/limiting.py); codes of second factors by allauth, per account.
ACCOUNT_RATE_LIMITS = dict.fromkeys(
    "change_password manage_email reset_password reauthenticate reset_password_from_key signup login "
    "request_login_code confirm_email verify_phone change_phone".split()
) | {"login_failed": "10/15m/key"}
ACCOUNT_REAUTHENTICATION_REQUIRED = True
ACCOUNT_REAUTHENTICATION_TIMEOUT = float("-inf")  # allauth takes any one proof for enough: accounts/proofs.py decides
ACCOUNT_REAUTHENTICATION_METHODS = {"password", "mfa"}
MFA_ADAPTER = "holdfast.control.accounts.mfa.SecondFactors"
MFA_SUPPORTED_TYPES = ["totp", "webauthn", "recovery_codes"]
MFA_PASSKEY_LOGIN_ENABLED = True
MFA_ALLOW_UNVERIFIED_EMAIL = True  # an operator may make accounts without any address
MFA_TOTP_TOLERANCE = 1  # steps of 30 s: clocks of telephones are not exact
_PASSKEYS = "holdfast.control.accounts.passkey_forms"
MFA_FORMS = {
    "add_webauthn": f"{_PASSKEYS}.AddPasskey",
    "authenticate_webauthn": f"{_PASSKEYS}.AuthenticateByKey",
    "login_webauthn": f"{_PASSKEYS}.SignInByPasskey",
    "reauthenticate": "holdfast.control.accounts.forms.ReauthenticateByCode",
    "reauthenticate_webauthn": f"{_PASSKEYS}.ReauthenticateByKey",
}
MFA_RATE_LIMITS = {"webauthn_login": None}
