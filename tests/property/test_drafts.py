"""A project's documents are the same bytes whatever a publisher remembers of it, after any changes of its files."""

from hypothesis import given
from hypothesis import strategies as st
from instances import Instance  # noqa: F401 - sets Django up, which the models behind documents need

from holdfast.control.publication.documents import READ_ANEW, Row, files_of
from holdfast.control.publication.drafts import Draft
from holdfast.core import simple_html, simple_json
from holdfast.core.model import STATUSES, Record
from holdfast.tree.fragments import WRITTEN_ANEW
from holdfast.tree.record import decode_record, encode_record

BASES = ("https://pkgs.example", "https://pkgs.example/team")
VERSIONS = ("1.0", "1.0.post1", "1.10", "1.9rc1", "2!0.1", "0.dev0", "no version", "1.0+cu12")
NAMES = (*(f"demo-{number}.whl" for number in range(6)), "d\u00e9mo & co.tar.gz", "demo+1.whl")
DIGESTS = tuple(digit * 64 for digit in "0a9f")
REASONS = ("", "broken", '<b>"no"</b>', "\u2028 \x00")

ROW = st.tuples(
    st.sampled_from(NAMES),
    st.sampled_from(DIGESTS),
    st.integers(0, 2),
    st.sampled_from(VERSIONS),
    st.sampled_from(["sdist", "bdist_wheel"]),
    st.sampled_from(["source", "py3"]),
    st.sampled_from(["2026-01-01 00:00:00", "2026-01-01 00:00:00.000001", "2026-01-01T02:00:00+02:00"]),
    st.sampled_from(["", ">=3.9", ">=3.8,<4"]),
    st.booleans(),
    st.sampled_from(REASONS),
    st.sampled_from(["", *DIGESTS]),
    st.sampled_from(["", *DIGESTS]),
    st.sampled_from(["", "b" * 32]),
    st.sampled_from(["", *DIGESTS]),
)
ROWS = st.lists(ROW, max_size=len(NAMES), unique_by=lambda row: row[0])
CHANGED = st.tuples(ROWS, st.sampled_from(STATUSES), st.sampled_from(BASES), st.sampled_from(["demo", "other"]))


def documents(
    rows: list[Row], status: str, base: str, name: str, serial: int, draft: Draft | None
) -> tuple[bytes, ...]:
    """Everything that is stored of the project, through the draft or without any."""
    reading, fragments = (READ_ANEW, WRITTEN_ANEW) if draft is None else (draft.reading, draft.fragments)
    record = Record("main", name, name, serial, files_of(list(rows), reading), status)
    encoded = encode_record(record, fragments.documents)
    json = simple_json.detail(record, public_base=base, entries=fragments.entries)
    html = simple_html.detail(record, public_base=base, anchors=fragments.anchors)
    assert record == decode_record(encoded.stored_bytes, encoded.digest)
    return encoded.json_bytes, encoded.stored_bytes, json, html


@given(st.lists(CHANGED, min_size=1, max_size=6))
def test_documents_made_with_a_draft_are_those_made_anew(changes: list[tuple[list[Row], str, str, str]]):
    draft = Draft()

    for serial, change in enumerate(changes, 1):
        assert documents(*change, serial, None) == documents(*change, serial, draft)
        assert len(change[0]) == draft.file_count


@given(ROWS, ROWS, st.randoms(use_true_random=False))
def test_the_order_in_which_rows_come_changes_no_byte(before: list[Row], after: list[Row], chance):
    draft = Draft()
    documents(before, "active", BASES[0], "demo", 1, draft)
    mixed = chance.sample(after, len(after))

    assert documents(after, "active", BASES[0], "demo", 2, None) == documents(
        mixed, "active", BASES[0], "demo", 2, draft
    )
