"""What becomes of a page's WSGI environ before Django sees it: our own host, the client's address, the spooled form.

A front is the only client of the control socket and sends bodies as files; Host is dropped there.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

from holdfast.config import Config
from holdfast.control.spool import spooled_body
from holdfast.control.web.environment import SITE
from holdfast.pages import Site

FORM_BYTES_MAX = 1024 * 1024  # the front's limit, too

Environ = dict[str, Any]


def without_prefix(path: str, config: Config) -> str:
    """The path without the public URL's, which proxies in front strip or do not."""
    prefix = urlsplit(config.base_url).path.rstrip("/")
    return path[len(prefix) :] or "/" if prefix and f"{path}/".startswith(f"{prefix}/") else path


@contextmanager
def page_environ(environ: Environ, config: Config) -> Iterator[Environ]:
    """The environ for Django. Raises Unavailable when the form cannot be read."""
    url = urlsplit(config.base_url)
    port = str(url.port or (443 if url.scheme == "https" else 80))
    told = {
        "HTTP_HOST": url.netloc,
        "SERVER_NAME": url.hostname or "",
        "SERVER_PORT": port,
        "wsgi.url_scheme": url.scheme,
        SITE: Site(config.base_url),
        "REMOTE_ADDR": environ.get("HTTP_X_HOLDFAST_CLIENT", "")[:64],
    }
    name = environ.get("HTTP_X_HOLDFAST_SPOOL", "")
    if not name:
        yield environ | told | {"CONTENT_LENGTH": "0"}
        return
    with spooled_body(config.spool_folder, name) as body:
        size = min(body.seek(0, 2), FORM_BYTES_MAX)
        body.seek(0)
        yield environ | told | {"CONTENT_LENGTH": str(size), "wsgi.input": body}
