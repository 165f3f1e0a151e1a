"""The table of keys: what it makes it can take apart, and no index may take the place of the tree's own folders."""

import hashlib

import pytest

from holdfast.core.names import is_index_name
from holdfast.tree import addresses

DIGEST = hashlib.sha256(b"file").hexdigest()
OWN = [value for name, value in vars(addresses).items() if name.endswith("_PREFIX") and value.startswith("v1/")]


@pytest.mark.parametrize("prefix", OWN)
def test_no_index_or_upstream_is_called_like_a_folder_of_the_tree(prefix: str) -> None:
    """Its records would lie among the journal's segments, the pins or the overrides, and be read as such."""
    assert not is_index_name(prefix.removeprefix("v1/").strip("/"))


@pytest.mark.parametrize(
    "parts", [("up", "file", DIGEST), ("up", "metadata", DIGEST), ("up", "page", "demo")], ids=lambda parts: parts[1]
)
def test_a_pulled_key_is_taken_apart_as_it_was_made(parts: tuple[str, str, str]) -> None:
    key = addresses.pulled_object(*parts)

    assert parts == addresses.pulled_parts(key)
    assert key.startswith(addresses.PULLED_PREFIX)


@pytest.mark.parametrize(
    "key",
    ["pulled/up/file/ab/cd/ef", "pulled/up/other/ab", "pulled/up", "pulled/UP/page/demo.json.zst", "blobs/ab/cd/ef"],
)
def test_a_key_nobody_here_made_has_no_parts(key: str) -> None:
    assert addresses.pulled_parts(key) is None
