"""The pipeline: every step over one upload, every problem in one list. No database, no store, no rights."""

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from holdfast.control.uploads import steps_agreement as agreement
from holdfast.control.uploads import (
    steps_classifiers,
    steps_complete,
    steps_description,
    steps_filename,
    steps_form,
)
from holdfast.control.uploads.multipart import Content, Form
from holdfast.control.uploads.rules import Profile
from holdfast.control.uploads.steps_filename import DistributionName
from holdfast.core import core_metadata
from holdfast.core.archive import AskKnown, examine, nothing_known
from holdfast.core.attestations import FIELD, Attestation, read_attestations
from holdfast.core.core_metadata import CoreMetadata
from holdfast.core.upload_problems import Problem, problem


@dataclass(frozen=True, slots=True)
class Upload:
    """A file that passed every step: what is needed to store and list it."""

    content: Content
    distribution: DistributionName
    metadata: CoreMetadata
    metadata_bytes: bytes
    metadata_sha256: str
    attestations: tuple[Attestation, ...]  # of the right form; not verified
    warnings: tuple[str, ...] = ()  # sentences for the uploader


@dataclass(frozen=True, slots=True)
class Judged:
    """Either an upload or problems."""

    upload: Upload | None
    problems: tuple[Problem, ...]


def judge(form: Form, query: Mapping[str, str], profile: Profile, known: AskKnown = nothing_known) -> Judged:
    """Run every step; `known` is what was read of the file while it arrived.

    Raises OSError when the content's temporary file cannot be read.
    """
    problems = list(_judge_form(form, query))
    if form.content is None:
        missing = problem("content", "", "is missing", "Send the file as the form's 'content' part.")
        return Judged(None, (*problems, missing))
    problems += _judge_content(form, form.content, profile)
    attested = read_attestations(form.one(FIELD), form.content.filename, form.content.sha256)
    problems += attested.problems
    named = steps_filename.read_filename(form.content.filename, profile)
    problems += named.problems
    if named.parsed is None:
        return Judged(None, tuple(problems))
    problems += steps_filename.check_python_version(form, named.parsed)
    problems += agreement.check_form_name(form, named.parsed)
    problems += agreement.check_form_version(form, named.parsed)
    return _judge_inside(form.content, named.parsed, profile, problems, attested.attestations, known)


def _judge_form(form: Form, query: Mapping[str, str]) -> Iterator[Problem]:
    yield from steps_form.check_action(form, query)
    yield from steps_form.check_protocol_version(form, query)
    yield from steps_form.check_repeated_fields(form)


def _judge_content(form: Form, content: Content, profile: Profile) -> Iterator[Problem]:
    yield from steps_form.check_filetype(form, content)
    yield from steps_complete.check_complete(form, content, profile)
    yield from steps_form.check_size(content, profile.file_bytes_max)
    yield from steps_form.check_digests(form, content)


def _judge_inside(
    content: Content,
    parsed: DistributionName,
    profile: Profile,
    problems: list[Problem],
    attestations: tuple[Attestation, ...],
    known: AskKnown,
) -> Judged:
    """The steps that look into the bytes; the metadata comes from there and from nowhere else."""
    archive = examine(content.path, content.filename, profile.archive, known)
    problems += archive.problems
    if archive.facts is None:
        return Judged(None, tuple(problems))
    found = core_metadata.parse(archive.facts.metadata, profile.metadata)
    problems += found.problems
    if found.metadata is None:
        return Judged(None, tuple(problems))
    problems += agreement.check_metadata_name(found.metadata, parsed)
    problems += agreement.check_metadata_version(found.metadata, parsed)
    problems += agreement.check_sdist_name(found.metadata, parsed, profile)
    problems += agreement.check_licence_files(found.metadata, archive.facts)
    problems += steps_classifiers.check_classifiers(found.metadata, profile)
    looked = steps_description.check_description(found.metadata, profile)
    problems += looked.problems
    if problems:
        return Judged(None, tuple(problems))
    digest = hashlib.sha256(archive.facts.metadata).hexdigest()
    metadata = archive.facts.metadata
    return Judged(Upload(content, parsed, found.metadata, metadata, digest, attestations, looked.warnings), ())
