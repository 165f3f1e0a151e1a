"""Page bytes of large projects, made by whoever writes the record so that no front has to. Disposable.

One place says how a page is compressed: a front that makes a page itself must make the very bytes that lie in the
store, because both go out under one strong ETag.
"""

import gzip
from collections.abc import Iterable
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from functools import partial
from itertools import product

import zstandard

from holdfast.core import simple_html, simple_json
from holdfast.core.model import Record
from holdfast.store.port import Store
from holdfast.tree import addresses
from holdfast.tree.fragments import WRITTEN_ANEW, Fragments

FILES_MIN = 200  # below this a front renders a page within its budget of a few milliseconds
GZIP_LEVEL = 3  # level 4 takes twice as long for 5 % less, level 6 three times for 10 %: the bulk is digests
ZSTD_LEVEL = 3
SHAPES = ("json", "html")
ENCODINGS = ("gzip", "zstd")
REPRESENTATIONS = tuple(f"{shape}.{encoding}" for shape, encoding in product(SHAPES, ENCODINGS))


def compress_page(page: bytes, encoding: str) -> bytes:
    """The page under a content encoding ("" = as it is); equal pages give equal bytes."""
    if encoding == "gzip":
        return gzip.compress(page, GZIP_LEVEL, mtime=0)
    if encoding == "zstd":
        return zstandard.ZstdCompressor(level=ZSTD_LEVEL, write_checksum=True).compress(page)
    assert not encoding, encoding
    return page


def render_pages(record: Record, public_base: str) -> dict[str, bytes]:
    """Compressed pages by representation; none for a record that a front renders quickly. Raises Corrupt.

    `public_base` is the absolute URL of the index's root, without a trailing slash.
    """
    if len(record.files) < FILES_MIN:
        return {}
    with ThreadPoolExecutor(len(REPRESENTATIONS)) as pool:
        jobs = compress_pages(pool, record, public_base, WRITTEN_ANEW)
        return {representation: job.result() for representation, job in jobs.items()}


def compress_pages(
    pool: Executor, record: Record, public_base: str, fragments: Fragments
) -> "dict[str, Future[bytes]]":
    """Every page by representation, compressed in a thread of its own: compressors leave the interpreter's lock.

    While the first page is compressed, the second one is made. Raises Corrupt.
    """
    json = partial(simple_json.detail, record, public_base=public_base, entries=fragments.entries)
    html = partial(simple_html.detail, record, public_base=public_base, anchors=fragments.anchors)
    jobs = {}
    for shape, make in (("json", json), ("html", html)):
        page = make()
        for encoding in ENCODINGS:
            jobs[f"{shape}.{encoding}"] = pool.submit(compress_page, page, encoding)
    return jobs


def forget_pages(store: Store, digest: str, public_bases: Iterable[str]) -> None:
    """Delete what was rendered for a record. Raises Unavailable."""
    for base, representation in product(public_bases, REPRESENTATIONS):
        store.delete(addresses.rendered(simple_json.renderer(base), digest, representation))
