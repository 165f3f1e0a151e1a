"""Django's settings for pages that follow from the configuration: names of cookies, origins, the key.

Host and scheme of a page are the public URL's, never the request's; its path is the prefix of every address.
"""

import ipaddress
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings

from holdfast.config import Config
from holdfast.control.secret_key import read_keys
from holdfast.core.errors import Unavailable


def apply_page_settings(config: Config) -> None:
    """Have Django follow `config`. Without a readable key the one made up for this process stays, and pages refuse."""
    for name, value in page_settings(config).items():
        setattr(settings, name, value)
    try:
        key, *earlier = read_keys(config)
        settings.SECRET_KEY, settings.SECRET_KEY_FALLBACKS = key, earlier
    except Unavailable:
        pass  # who needs it asks read_keys, and hears why; an instance that is just being made has none yet


def page_settings(config: Config) -> dict[str, Any]:
    """The settings, without the key."""
    url = urlsplit(config.base_url)
    prefix, is_https = url.path.rstrip("/"), url.scheme == "https"
    # RFC 6265bis §4.1.3: browsers hold these names to being Secure, and the first to one host and to path "/".
    named = "" if not is_https else "__Secure-" if prefix else "__Host-"
    return {
        "FORCE_SCRIPT_NAME": prefix or None,
        "SESSION_COOKIE_NAME": f"{named}holdfast",
        "SESSION_COOKIE_SECURE": is_https,
        "SESSION_COOKIE_PATH": f"{prefix}/",
        "MESSAGE_COOKIE_NAME": f"{named}holdfast-notices",
        "KNOWN_COOKIE_NAME": f"{named}holdfast-browser",
        "SIGN_IN_COOKIE_NAME": f"{named}holdfast-sign-in",
        # Browsers themselves take http://localhost for safe enough, and no other http address.
        "MFA_WEBAUTHN_ALLOW_INSECURE_ORIGIN": is_loopback_name(url.hostname or ""),
        "MFA_TOTP_ISSUER": url.netloc,
        "BREACHED_PASSWORDS": config.breached_passwords,
        "CSRF_COOKIE_NAME": f"{named}holdfast-csrf",
        "CSRF_COOKIE_SECURE": is_https,
        "CSRF_COOKIE_PATH": f"{prefix}/",
        "CSRF_TRUSTED_ORIGINS": loopback_origins(config),
    }


def loopback_origins(config: Config) -> list[str]:
    """The other names of an instance that is this machine's alone: a person types whichever they know."""
    url = urlsplit(config.base_url)
    if not (is_loopback_name(config.listen_host) and is_loopback_name(url.hostname or "")):
        return []
    port = f":{url.port}" if url.port else ""
    return [f"{url.scheme}://{name}{port}" for name in ("localhost", "127.0.0.1", "[::1]")]


def is_loopback_name(host: str) -> bool:
    """True for the names of this machine's loopback interface."""
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
