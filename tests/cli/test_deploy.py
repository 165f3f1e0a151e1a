"""The proxies' settings in deploy/, with the real nginx and Caddy in front of a running instance.

Only addresses, the host's name and the certificate's path are replaced; every other line is tested as it is shipped.
"""

import base64
import hashlib
import http.client
import os
import shutil
import socket
import ssl
import subprocess
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import pytest
from certificates import make_certificate
from instances import with_tables
from processes import Command, end, starting, wait_for
from wheels import encode, form_fields, wheel

from holdfast.drill.rig import free_port

DEPLOY = Path(__file__).parent.parent.parent / "deploy"
HOST = "packages.example"
FILLER_BYTES = 50 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Site:
    """An instance, and a proxy in front of it."""

    data: Path
    port: int
    context: ssl.SSLContext

    def connect(self) -> http.client.HTTPSConnection:
        return http.client.HTTPSConnection("127.0.0.1", self.port, context=self.context, timeout=60)

    def get(self, path: str, **headers: str) -> tuple[int, dict[str, str], bytes]:
        with closing(self.connect()) as connection:
            connection.request("GET", path, headers={"Host": HOST, **headers})
            answer = connection.getresponse()
            return answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read()


def nginx(folder: Path, upstream: str, port: int, cert: str, key: str) -> list[str]:
    program = shutil.which("nginx", path=f"{os.environ['PATH']}:/usr/sbin")
    if program is None:
        pytest.skip("nginx is not installed")
    site = (DEPLOY / "nginx.conf").read_text()
    for shipped, here in (
        ("127.0.0.1:8000", upstream),
        ("listen 443 ssl", f"listen 127.0.0.1:{port} ssl"),
        ("listen 80", f"listen 127.0.0.1:{free_port()}"),
        ("/etc/holdfast/tls.crt", cert),
        ("/etc/holdfast/tls.key", key),
    ):
        assert shipped in site
        site = site.replace(shipped, here)
    paths = "".join(
        f"{kind}_temp_path {folder / kind};\n" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    main = folder / "nginx.conf"
    main.write_text(
        f"daemon off;\nmaster_process off;\npid {folder}/pid;\nerror_log {folder}/error.log;\nevents {{}}\n"
        f"http {{\naccess_log off;\n{paths}{site}}}\n"
    )
    return [program, "-p", str(folder), "-c", str(main), "-e", f"{folder}/error.log"]


def caddy(folder: Path, upstream: str, port: int, cert: str, key: str) -> list[str]:
    program = shutil.which("caddy")
    if program is None:
        pytest.skip("caddy is not installed")
    site = (DEPLOY / "Caddyfile").read_text()
    for shipped, here in (
        ("127.0.0.1:8000", upstream),
        (f"\n{HOST} {{", f"\nhttps://{HOST}:{port}, https://127.0.0.1:{port} {{\n\tbind 127.0.0.1"),
        ("/etc/holdfast/tls.crt", cert),
        ("/etc/holdfast/tls.key", key),
    ):
        assert shipped in site
        site = site.replace(shipped, here)
    options = "{\n\tadmin off\n\tauto_https disable_redirects\n}\n"
    (folder / "Caddyfile").write_text(options + site)
    return [program, "run", "--config", str(folder / "Caddyfile"), "--adapter", "caddyfile"]


@pytest.fixture(params=[nginx, caddy], ids=["nginx", "caddy"], scope="module")
def site(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    make: Callable[[Path, str, int, str, str], list[str]] = request.param
    folder = tmp_path_factory.mktemp("site")
    cert, key = make_certificate(folder, HOST)
    own, data, port, listen = folder / "proxy", with_tables(folder / "data"), free_port(), f"127.0.0.1:{free_port()}"
    own.mkdir()
    command = make(own, listen, port, cert, key)
    variables = {
        "HOLDFAST_DATA": str(data),
        "HOLDFAST_LISTEN": listen,
        "HOLDFAST_UPSTREAM": "none",
        "HOLDFAST_PUBLIC_URL": f"https://{HOST}",
        "HOLDFAST_TRUSTED_PROXIES": "127.0.0.1",
    }
    environ = {**os.environ, "HOME": str(own), "XDG_DATA_HOME": str(own), "XDG_CONFIG_HOME": str(own)}
    with starting(folder) as start:
        instance = start("-m", "holdfast.cli.main", "serve", **variables)
        proxy = Command(command, environ, own)
        try:
            instance.says(f"https://{HOST}/simple/")
            wait_for(lambda: proxy.process.poll() is not None or accepts(port), "the proxy listens")
            assert proxy.process.poll() is None, proxy.stdout + proxy.stderr
            yield Site(data, port, ssl.create_default_context(cafile=cert))
        finally:
            end(proxy.process)


def accepts(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def begin_upload(connection: http.client.HTTPSConnection, token: str, content_type: str, length: int) -> None:
    connection.putrequest("POST", "/legacy/", skip_host=True)
    basic = base64.b64encode(f"__token__:{token}".encode()).decode()
    for name, value in (
        ("Host", HOST),
        ("Authorization", f"Basic {basic}"),
        ("Content-Type", content_type),
        ("Content-Length", str(length)),
    ):
        connection.putheader(name, value)
    connection.endheaders()


def spooled_bytes(data: Path) -> int:
    return sum(file.stat().st_size for file in (data / "spool").iterdir())


def test_a_large_upload_passes_while_it_arrives_and_comes_back_whole(site: Site) -> None:
    filename, content = wheel("large", "1.0", size=FILLER_BYTES)
    content_type, body = encode(form_fields(filename, content), filename, content)
    token = (site.data / "first-token").read_text().strip()
    with closing(site.connect()) as connection:
        begin_upload(connection, token, content_type, len(body))
        half = len(body) // 2
        connection.send(body[:half])
        # The client now pauses: only a proxy that does not collect the whole first lets Holdfast see the first half.
        wait_for(lambda: spooled_bytes(site.data) > half - 4 * 1024 * 1024, "the first half has arrived")
        connection.send(body[half:])
        answer = connection.getresponse()
        assert answer.status == 200, answer.read()

    sha256 = hashlib.sha256(content).hexdigest()
    path = f"/packages/{sha256[:2]}/{sha256[2:4]}/{sha256[4:]}/{filename}"
    status, headers, found = site.get(path)
    assert (200, str(len(content)), sha256) == (status, headers["content-length"], hashlib.sha256(found).hexdigest())
    status, headers, found = site.get(path, Range="bytes=100-199")
    assert (206, content[100:200]) == (status, found)


def test_pages_keep_their_strong_etag_and_compression(site: Site) -> None:
    status, headers, _body = site.get("/simple/", **{"Accept-Encoding": "gzip"})

    assert (200, True) == (status, "Accept-Encoding" in headers["vary"])
    assert not headers["etag"].startswith("W/")
    status, again, body = site.get("/simple/", **{"Accept-Encoding": "gzip", "If-None-Match": headers["etag"]})
    assert (304, b"") == (status, body)
    assert again["etag"] == headers["etag"]


def test_figures_stay_inside(site: Site) -> None:
    """How many reports wait, which limits are hit and what upstreams are called is of use to whoever attacks."""
    for path in ("/metrics", "/metrics?all", "/%6detrics"):
        assert 403 == site.get(path)[0], path
    assert 200 == site.get("/healthz")[0]


def test_what_a_client_says_of_its_own_address_is_not_believed(site: Site) -> None:
    site.get("/simple/", **{"X-Forwarded-For": "203.0.113.9", "User-Agent": "address-check"})

    log = site.data / "log" / "access.jsonl"
    lines = wait_for(
        lambda: [line for line in log.read_text().splitlines() if "address-check" in line] if log.exists() else [],
        "the access log line",
    )
    assert "203.0.113.9" not in lines[0]
    assert "127.0.0.1" in lines[0]


def test_the_unit_file_is_one_systemd_understands() -> None:
    program = shutil.which("systemd-analyze")
    if program is None:
        pytest.skip("systemd-analyze (systemd) is not installed")
    done = subprocess.run(
        [program, "verify", str(DEPLOY / "holdfast.service")], capture_output=True, text=True, check=False
    )

    complaints = [line for line in done.stderr.splitlines() if "holdfast.service" in line]
    assert [] == [line for line in complaints if "is not executable" not in line], "only the program is not here"
