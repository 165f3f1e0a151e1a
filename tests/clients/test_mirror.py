"""bandersnatch 8 copies the default index: every hosted project, every file, whole."""

import hashlib
import json
from pathlib import Path

from holdfast.drill.corpus import wheel
from holdfast.drill.rig import Rig
from tests.clients.person import Person
from tests.clients.toolbox import tool

JSON = {"Accept": "application/vnd.pypi.simple.v1+json"}


def test_bandersnatch_mirrors_everything_hosted(live: Rig, alice: Person, tmp_path: Path) -> None:
    """Each project of the list has its page in the mirror, and each file there has the sha256 the page promised."""
    for version in ("1.0", "1.1"):
        assert 200 == live.upload(wheel("mirrored", version, filler_bytes=100_000)).status
    mirror = tmp_path / "mirror"
    configuration = tmp_path / "bandersnatch.conf"
    configuration.write_text(f"""\
[mirror]
directory = {mirror}
master = {live.url}
allow-non-https = true
json = true
timeout = 10
workers = 2
hash-index = false
stop-on-error = true
verifiers = 2
""")
    projects = [p["name"] for p in json.loads(live.get("/simple/", headers=JSON).body)["projects"]]

    alice.run(tool("bandersnatch") / "bandersnatch", "--config", configuration, "mirror")

    assert "mirrored" in projects
    for project in projects:
        page = json.loads((mirror / "web" / "simple" / project / "index.v1_json").read_text())
        hosted = json.loads(live.get(f"/simple/{project}/", headers=JSON).body)
        assert {f["filename"]: f["hashes"] for f in hosted["files"]} == {
            f["filename"]: f["hashes"] for f in page["files"]
        }
        for file in page["files"]:
            copied = (mirror / "web" / "simple" / project / file["url"]).resolve().read_bytes()
            assert file["hashes"]["sha256"] == hashlib.sha256(copied).hexdigest(), file["filename"]
