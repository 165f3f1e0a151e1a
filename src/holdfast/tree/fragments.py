"""How a project's documents are put together of a fragment for each of its files.

A project of ten thousand files is published with one more: writing that one file into record and pages, and taking the
others' fragments as they were, costs a tenth of writing all anew. The bytes are the same either way.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from holdfast.core import simple_html, simple_json
from holdfast.core.model import File
from holdfast.tree.record import file_documents


@dataclass(frozen=True, slots=True)
class Fragments:
    """Who writes files into the documents of one project: of the files, its name, and an index's public address."""

    documents: Callable[[Sequence[File], str], list[bytes]] = file_documents
    entries: Callable[[Sequence[File], str, str], list[str]] = simple_json.file_entries
    anchors: Callable[[Sequence[File], str, str], list[str]] = simple_html.file_anchors


WRITTEN_ANEW = Fragments()
