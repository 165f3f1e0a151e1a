"""The one table of what is stored where in the published tree. No other module spells a key.

Durable: instance, journal, checkpoints, overrides, advisories, audit heads, standing, pins, records, cards, card
books, blobs.
While their session lives: previews of staged releases.
Forgotten after weeks: use (what each machine read of `pulled/`, by day).
Disposable: `pulled/` (pages and files of upstreams), `rendered/` (page bytes that are slow to make), `assets/` (styles
and scripts of the pages, of this release and of those before it), `catalogues/` (an index by classifier).
"""

from holdfast.core.names import is_filename, is_index_name, is_normalized, is_sha256

INSTANCE = "v1/instance.json"
JOURNAL_PREFIX = "v1/journal/"
CHUNK_PREFIX = "v1/journal-chunk/"
CHECKPOINT_PREFIX = "v1/checkpoint/"
CHECKPOINT_POINTER = "v1/newest-checkpoint"  # only a hint: the newest under CHECKPOINT_PREFIX is the truth
CHUNK_SERIALS = 4096
COMPACTION = "v1/compaction.json"  # how far superseded records have been looked for
OVERRIDES_PREFIX = "v1/overrides/"
ADVISORIES_PREFIX = "v1/advisories/"
PIN_PREFIX = "v1/pin/"
AUDIT_PREFIX = "v1/audit/"
USE_PREFIX = "v1/use/"
PROBE_PREFIX = "probe/"
PULLED_PREFIX = "pulled/"
RENDERED_PREFIX = "rendered/"
ASSET_PREFIX = "assets/"
ASSET_SET_PREFIX = "v1/page-assets/"
PERSON_PREFIX = "v1/person/"
BLOB_PREFIX = "blobs/"
PREVIEW_PREFIX = "previews/"  # beside `v1/`, where an index may be called that
CATALOGUE_PREFIX = "catalogues/"  # likewise
STANDING_PREFIX = "standing/"  # likewise
_IMMUTABLE_PREFIXES = (
    BLOB_PREFIX,
    JOURNAL_PREFIX,
    CHUNK_PREFIX,
    CHECKPOINT_PREFIX,
    OVERRIDES_PREFIX,
    ADVISORIES_PREFIX,
    AUDIT_PREFIX,
    RENDERED_PREFIX,
    ASSET_PREFIX,
    PERSON_PREFIX,
    STANDING_PREFIX,
    CATALOGUE_PREFIX,
)


def probe(number: str) -> str:
    """A fresh object that proves a store's credential: put, read and deleted at once."""
    assert number.isalnum(), number
    return f"{PROBE_PREFIX}{number}"


def segment(serial: int) -> str:
    """One committed transaction. Zero-padded so that key order is serial order."""
    assert serial > 0, serial
    return f"{JOURNAL_PREFIX}{serial:012d}.json"


def chunk(number: int) -> str:
    """Serials number*4096+1 .. (number+1)*4096 in one object."""
    assert number >= 0, number
    return f"{CHUNK_PREFIX}{number:08d}.json.zst"


def checkpoint(serial: int) -> str:
    """The state of every project after `serial`."""
    assert serial >= 0, serial
    return f"{CHECKPOINT_PREFIX}{serial:012d}"


def overrides(serial: int) -> str:
    """What operators decided at run time, as of change number `serial`. Zero-padded: key order is serial order."""
    assert serial > 0, serial
    return f"{OVERRIDES_PREFIX}{serial:012d}.json"


def audit_head(position: int) -> str:
    """The end of the audit trail's chain after that many events. Zero-padded: key order is their order."""
    assert position > 0, position
    return f"{AUDIT_PREFIX}{position:012d}.json"


def advisories(digest: str) -> str:
    """A table of known malware and vulnerabilities, by the sha256 of its uncompressed JSON."""
    assert is_sha256(digest), digest
    return f"{ADVISORIES_PREFIX}{digest}.json.zst"


def record(index: str, name: str, digest: str) -> str:
    """A project's record, by the sha256 of its uncompressed JSON."""
    assert is_index_name(index) and is_normalized(name) and is_sha256(digest), (index, name, digest)
    return f"v1/{index}/project/{name}/{digest}.json.zst"


def records_of(index: str, name: str) -> str:
    """The prefix of every record ever written for a project."""
    assert is_index_name(index) and is_normalized(name), (index, name)
    return f"v1/{index}/project/{name}/"


def card(index: str, sha256: str, filename: str) -> str:
    """The card of one file in one index (or upstream).

    The filename is part of the key: equal bytes may be published under two names, and each keeps its own card.
    """
    assert is_index_name(index) and is_sha256(sha256) and is_filename(filename), (index, sha256, filename)
    return f"v1/{index}/file/{sha256}/{filename}"


def card_book(upstream: str, name: str) -> str:
    """Every file an upstream ever listed for a project, so that URLs given out stay resolvable for years."""
    assert is_index_name(upstream) and is_normalized(name), (upstream, name)
    return f"v1/{upstream}/book/{name}.json.zst"


def blob(sha256: str) -> str:
    """Immutable bytes of a hosted index: files, core metadata, provenance."""
    assert is_sha256(sha256), sha256
    return f"{BLOB_PREFIX}{sha256[:2]}/{sha256[2:4]}/{sha256[4:]}"


def pulled_page(upstream: str, name: str) -> str:
    """The last good page of an upstream's project, in record form."""
    assert is_index_name(upstream) and is_normalized(name), (upstream, name)
    return f"{PULLED_PREFIX}{upstream}/page/{name}.json.zst"


def pulled_file(upstream: str, sha256: str) -> str:
    """A verified file of an upstream."""
    assert is_index_name(upstream) and is_sha256(sha256), (upstream, sha256)
    return f"{PULLED_PREFIX}{upstream}/file/{sha256[:2]}/{sha256[2:4]}/{sha256[4:]}"


def pulled_files(upstream: str) -> str:
    """The prefix of every file kept of an upstream."""
    assert is_index_name(upstream), upstream
    return f"{PULLED_PREFIX}{upstream}/file/"


def pulled_metadata(upstream: str, sha256: str) -> str:
    """The core metadata of the upstream file with that digest (the file's digest, not the metadata's)."""
    assert is_index_name(upstream) and is_sha256(sha256), (upstream, sha256)
    return f"{PULLED_PREFIX}{upstream}/metadata/{sha256[:2]}/{sha256[2:4]}/{sha256[4:]}"


def is_immutable(key: str) -> bool:
    """Whether an object at that key can only ever have these bytes, so that a copy of it is as good as itself."""
    if key.startswith(_IMMUTABLE_PREFIXES):
        return True
    _, _, kind = key.partition("/")[2].partition("/")
    return kind.startswith(("file/", "metadata/") if key.startswith(PULLED_PREFIX) else "project/")


def pulled_parts(key: str) -> tuple[str, str, str] | None:
    """(upstream, kind, digest or name) of a key under PULLED_PREFIX; None for a key that nothing here made."""
    upstream, _, rest = key.removeprefix(PULLED_PREFIX).partition("/")
    kind, _, what = rest.partition("/")
    if not key.startswith(PULLED_PREFIX) or not is_index_name(upstream):
        return None
    what = what.removesuffix(".json.zst") if kind == "page" else what.replace("/", "")
    known = is_normalized(what) if kind == "page" else kind in ("file", "metadata") and is_sha256(what)
    return (upstream, kind, what) if known else None


def pulled_object(upstream: str, kind: str, what: str) -> str:
    """The key that `pulled_parts` takes apart."""
    make = {"page": pulled_page, "file": pulled_file, "metadata": pulled_metadata}[kind]
    return make(upstream, what)


def pin(name: str) -> str:
    """What an operator wants kept whatever is evicted."""
    assert is_filename(name), name
    return f"{PIN_PREFIX}{name}.json"


def use(machine: str, day: str) -> str:
    """What one machine read of `pulled/` on a day (ISO date, UTC), so that every machine knows before it evicts."""
    assert is_index_name(machine) and len(day) == 10, (machine, day)
    return f"{USE_PREFIX}{machine}/{day}.zst"


def preview(token_sha256: str) -> str:
    """A staged release, by the digest of the token in its preview's URL: whoever lists the store learns no address."""
    assert is_sha256(token_sha256), token_sha256
    return f"{PREVIEW_PREFIX}{token_sha256}.json"


def rendered(renderer: str, digest: str, representation: str) -> str:
    """Page bytes by record digest, e.g. representation `json.gzip`; may vanish at any time."""
    assert is_sha256(digest), digest
    return f"{RENDERED_PREFIX}{renderer}/{digest[:2]}/{digest}.{representation}"


def asset(name: str) -> str:
    """A style, script or picture of the pages, under the name that its content gives it."""
    assert is_filename(name), name
    return f"{ASSET_PREFIX}{name}"


def asset_set(release: str) -> str:
    """Which assets a release's pages have, and when it was last seen running."""
    assert is_filename(release), release
    return f"{ASSET_SET_PREFIX}{release}.json"


def persons(kind: str) -> str:
    """The prefix of what is known of every person ("user"), or of every organisation ("org")."""
    return f"{PERSON_PREFIX}{kind}/"


def person(kind: str, segment: str, serial: int, number: int) -> str:
    """What was known of a person or an organisation at that serial; `number` tells several apart."""
    return f"{persons(kind)}{segment}/{serial:012d}-{number:04d}.json"


def standing(number: int) -> str:
    """Who was shut out and who administered after change `number` of that. Zero-padded: key order is their order."""
    assert number > 0, number
    return f"{STANDING_PREFIX}{number:012d}.json"


def catalogues(index: str) -> str:
    """The prefix of an index's catalogues."""
    assert is_index_name(index), index
    return f"{CATALOGUE_PREFIX}{index}/"


def catalogue(index: str, serial: int, number: int) -> str:
    """What an index had by classifier at that serial; `number` tells several apart."""
    return f"{catalogues(index)}{serial:012d}-{number:04d}.zst"
