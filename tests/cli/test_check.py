"""`holdfast check` names what is broken, and nothing that it cannot judge because of that."""

import json
import os
from pathlib import Path

from holdfast.cli.check import findings
from holdfast.config import DATA_FORMAT


def test_a_store_that_is_away_is_not_told_as_the_database_s_trouble(tmp_path: Path) -> None:
    """The step for a lost database (`restore`, `rebuild`) would do harm while the store is only unmounted."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("HOLDFAST_")}
    own = {"HOLDFAST_DATA": str(tmp_path), "HOLDFAST_UPSTREAM": "none", "HOLDFAST_LISTEN": "127.0.0.1:0"}
    marker = {"instance": "0" * 32, "format": DATA_FORMAT, "created": "2026-01-01T00:00:00Z"}
    (tmp_path / "instance.json").write_text(json.dumps(marker))

    found = list(findings({**kept, **own}))

    assert [("store", False)] == [(one.subject, one.ok) for one in found][-1:]
    assert "mount or repair it" in found[-1].next_step
    assert all(one.ok for one in found[:-1])
