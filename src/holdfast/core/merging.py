"""One project out of several: the files of the index that owns it and of every layer under it that has it.

Pure functions of records, in the order of the layers, the upper one first. Which filename wins is settled before any
rule holds a file back, so that what an upper side withholds is never replaced by a stranger's file of that name.
"""

from collections.abc import Sequence
from dataclasses import replace

from holdfast.core.filenames import sort_key
from holdfast.core.model import File, Record


def without_overruled(records: Sequence[Record]) -> list[Record]:
    """The same records, each without the files whose names one above it lists too."""
    taken: set[str] = set()
    kept = []
    for record in records:
        files = tuple(file for file in record.files if file.filename not in taken)
        taken.update(file.filename for file in files)
        kept.append(record if len(files) == len(record.files) else replace(record, files=files))
    return kept


def join(records: Sequence[Record]) -> Record:
    """One record with the files of all, in a record's order. None of them overrules a file of another.

    Its name, status and fields passed through are the upper one's. Its serial is the highest of the hosted sides,
    which one journal counts; else the upper upstream's own.
    """
    assert records
    files: list[File] = [file for record in records for file in record.files]
    if len(records) == 1:
        return records[0]
    return replace(
        records[0],
        files=tuple(sorted(files, key=sort_key)),
        serial=max(record.serial for record in records),
    )
