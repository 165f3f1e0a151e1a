"""Certificates for tests, made by the openssl program: self-signed ones, and those of a private authority."""

import subprocess
from pathlib import Path


def make_certificate(folder: Path, name: str) -> tuple[str, str]:
    """A certificate for `name` and 127.0.0.1, and its key, as `tls.crt` and `tls.key` in `folder`."""
    cert, key = folder / "tls.crt", folder / "tls.key"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
         "-subj", f"/CN={name}", "-addext", f"subjectAltName=IP:127.0.0.1,DNS:localhost,DNS:{name}",
         "-keyout", str(key), "-out", str(cert)],
        check=True,
        capture_output=True,
    )  # fmt: skip
    return str(cert), str(key)


def make_authority(folder: Path, *names: str) -> tuple[str, dict[str, tuple[str, str]]]:
    """A private authority's certificate, and certificate and key for each name and 127.0.0.1, all in `folder`."""
    authority, authority_key = folder / "authority.crt", folder / "authority.key"
    new_key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    _openssl("req", "-x509", *new_key, "-days", "2", "-subj", "/CN=A Private Authority",
             "-addext", "basicConstraints=critical,CA:TRUE", "-keyout", str(authority_key), "-out", str(authority),
    )  # fmt: skip
    issued = {}
    for name in names:
        cert, key, request = (folder / f"{name}.{end}" for end in ("crt", "key", "csr"))
        _openssl("req", *new_key, "-subj", f"/CN={name}", "-addext", f"subjectAltName=DNS:{name},IP:127.0.0.1",
                 "-keyout", str(key), "-out", str(request),
        )  # fmt: skip
        _openssl("x509", "-req", "-in", str(request), "-CA", str(authority), "-CAkey", str(authority_key), "-days", "2",
                 "-CAcreateserial", "-copy_extensions", "copyall", "-out", str(cert),
        )  # fmt: skip
        issued[name] = (str(cert), str(key))
    return str(authority), issued


def _openssl(*words: str) -> None:
    subprocess.run(["openssl", *words], check=True, capture_output=True)
