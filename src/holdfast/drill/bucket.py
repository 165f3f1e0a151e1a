"""A server of the S3 protocol (moto, of the development requirements) in a process of its own, and looks into it."""

import hashlib
import signal
import subprocess
import sys
from dataclasses import dataclass, field
from importlib.util import find_spec

from holdfast.drill.faults import Fault
from holdfast.drill.rig import HUNG_SECONDS, fetch, free_port, wait_until

NAME, PREFIX = "bucket", "prefix"
REFUSAL = (
    '<?xml version="1.0" encoding="UTF-8"?><Error><Code>SignatureDoesNotMatch</Code><Message>The request signature we'
    " calculated does not match the signature you provided.</Message></Error>"
)


@dataclass(frozen=True, slots=True)
class Credential:
    """An access key with its secret."""

    key: str
    secret: str = field(repr=False)

    @property
    def settings(self) -> dict[str, str]:
        """The environment it is given to Holdfast in."""
        return {"AWS_ACCESS_KEY_ID": self.key, "AWS_SECRET_ACCESS_KEY": self.secret, "AWS_REGION": "us-east-1"}


GOOD = Credential("good-key", "good-secret")


class Bucket:
    """One bucket, which can swallow everything like a dead network. Any credential opens it."""

    def __init__(self) -> None:
        assert find_spec("moto") is not None, "moto is not installed: `make dev` brings it"
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self._process = subprocess.Popen(
            [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(self.port)],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )

    def __enter__(self) -> "Bucket":
        try:
            self.create()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def settings(self) -> dict[str, str]:
        """What makes it the store of an instance."""
        return self.settings_behind(self.url)

    def settings_behind(self, endpoint: str, credential: Credential = GOOD) -> dict[str, str]:
        """The same, reached through something that stands before it."""
        return {"AWS_ENDPOINT_URL": endpoint, "HOLDFAST_STORE": f"s3://{NAME}/{PREFIX}", **credential.settings}

    def create(self) -> None:
        """Wait for the server and make the bucket."""
        wait_until(lambda: fetch(self.url).status == 200, HUNG_SECONDS, "the S3 server")
        assert fetch(f"{self.url}/{NAME}", data=b"", method="PUT").status == 200

    def black_hole(self) -> None:
        """Connections are taken, and nothing is ever answered."""
        self._process.send_signal(signal.SIGSTOP)

    def recover(self) -> None:
        self._process.send_signal(signal.SIGCONT)

    def stop(self) -> None:
        self.recover()
        self._process.terminate()
        self._process.wait(20)

    def objects(self, prefix: str = PREFIX) -> dict[str, str]:
        """Key below the prefix -> sha256 of the bytes, read past everything that stands before the bucket."""
        import boto3  # type: ignore[import-untyped]

        client = boto3.client(
            "s3",
            endpoint_url=self.url,
            aws_access_key_id=GOOD.key,
            aws_secret_access_key=GOOD.secret,
            region_name="us-east-1",
        )
        found = {}
        for page in client.get_paginator("list_objects_v2").paginate(Bucket=NAME, Prefix=f"{prefix}/"):
            for entry in page.get("Contents", []):
                try:
                    body = client.get_object(Bucket=NAME, Key=entry["Key"])["Body"].read()
                except client.exceptions.NoSuchKey:
                    continue  # deleted since it was listed: work goes on meanwhile
                found[entry["Key"].removeprefix(f"{prefix}/")] = hashlib.sha256(body).hexdigest()
        return found


def refuses_all_but(credential: Credential | None) -> Fault:
    """The store refuses every signature except this credential's, or all of them, as S3 does."""
    spared = f"Credential={credential.key}/" if credential is not None else ""
    return Fault(status=403, body=REFUSAL, content_type="application/xml", spares_authorization=spared)
