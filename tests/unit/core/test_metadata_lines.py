"""Each header line of METADATA is a header to every reader, or the file is refused."""

import pytest
import wheels

from holdfast.core.core_metadata import MetadataRules, parse
from holdfast.core.metadata_lines import broken_line

HEAD = b"Metadata-Version: 2.1\nName: demo\nVersion: 1.0\n"


@pytest.mark.parametrize(
    "data",
    [
        wheels.metadata_text("demo", "1.0", description="no: header\x0b\r here\n"),
        HEAD,
        HEAD.replace(b"\n", b"\r\n") + b"\r\ntext",
        HEAD + b"License: a\n        b\n        \n\tc\nSummary:\nKeywords:a\n",
        HEAD + "Author: é\x85\n".encode(),
        b"",
        b"\nHEAD",
    ],
)
def test_what_build_tools_write_has_no_broken_line(data: bytes):
    assert broken_line(data) is None


@pytest.mark.parametrize(
    ("line", "data"),
    [
        (b"two words", HEAD + b"two words\nRequires-Dist: hidden\n"),
        (b"Summary: a\rRequires-Dist: hidden", HEAD + b"Summary: a\rRequires-Dist: hidden\n"),
        (b"Summary: a\0b", HEAD + b"Summary: a\0b\n"),
        (b"Name : other", HEAD + b"Name : other\n"),
        (b": empty", HEAD + b": empty\n"),
        (b"From a mailbox", b"From a mailbox\n" + HEAD),
        (b" folded first", b" folded first\n" + HEAD),
        (b"\xef\xbb\xbfMetadata-Version: 2.1", b"\xef\xbb\xbf" + HEAD),
    ],
)
def test_the_first_line_that_some_readers_pass_over_is_found_and_refused(line: bytes, data: bytes):
    found = parse(data, MetadataRules())

    assert line == broken_line(data)
    assert "is a line of the metadata that is no header" in found.problems[0].rule
