"""What the front itself says of its readiness, asked on this machine and not through what stands before it."""

import http.client
import json
import ssl

from holdfast.config import Config

SECONDS_MAX = 10.0  # more than a front needs, whatever its store does
BODY_BYTES_READ = 4096


def ask_readyz(config: Config, seconds: float = SECONDS_MAX) -> tuple[int, str]:
    """(status, body) of /readyz; (0, "") when nothing answers."""
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(config.listen_host, config.listen_host)  # noqa: S104 - compared
    connection: http.client.HTTPConnection
    if config.tls_cert:
        context = ssl.create_default_context()
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE  # a self-signed certificate is not what is asked about here
        connection = http.client.HTTPSConnection(host, config.listen_port, timeout=seconds, context=context)
    else:
        connection = http.client.HTTPConnection(host, config.listen_port, timeout=seconds)
    try:
        connection.request("GET", "/readyz")
        answer = connection.getresponse()
        return answer.status, answer.read(BODY_BYTES_READ).decode(errors="replace")
    except (OSError, http.client.HTTPException):
        return 0, ""
    finally:
        connection.close()


def trouble(status: int, body: str) -> str:
    """Why a front is not ready, in the words of its answer; "" when it is."""
    if status == 200:
        return ""
    if not status:
        return "/readyz did not answer"
    try:
        told = json.loads(body)["tree"]["trouble"]
    except (ValueError, KeyError, TypeError):
        told = ""
    return str(told or f"/readyz answers {status}")
