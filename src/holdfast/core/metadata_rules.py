"""Rules on single core metadata fields: each takes values, yields problems, and knows nothing else.

Source: the core metadata specification and what the largest public index refuses; field names are lower_snake as
forms and legacy JSON spell them.
"""

import keyword
import re
from collections.abc import Iterator

from packaging.licenses import InvalidLicenseExpression, canonicalize_license_expression
from packaging.requirements import InvalidRequirement, Requirement
from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.version import InvalidVersion, Version

from holdfast.core.names import is_project_name
from holdfast.core.upload_problems import Problem, problem

# Spelt as e-mail headers.
MULTIPLE_FIELDS = frozenset(
    {
        *("classifier", "dynamic", "import-name", "import-namespace", "license-file", "obsoletes", "obsoletes-dist"),
        *("platform", "project-url", "provides", "provides-dist", "provides-extra", "requires", "requires-dist"),
        *("requires-external", "supported-platform"),
    }
)
KNOWN_FIELDS = MULTIPLE_FIELDS | {
    *("author", "author-email", "description", "description-content-type", "download-url", "home-page", "keywords"),
    *("license", "license-expression", "maintainer", "maintainer-email", "metadata-version", "name"),
    *("requires-python", "summary", "version"),
}
VERSION_CHARS_MAX = 128  # the longest real ones carry a date and a commit, below 60
LABEL_CHARS_MAX = 32  # of a project URL (PEP 753 and the specification)
_WEB_LINK = re.compile(r"https?://[^\s/?#]+[^\s]*", re.IGNORECASE)
CONTENT_TYPES = ("text/plain", "text/x-rst", "text/markdown")


def check_metadata_version(value: str, accepted: tuple[str, ...]) -> Iterator[Problem]:
    if value not in accepted:
        yield problem(
            "metadata_version", value, "is not a metadata version this index accepts", f"Use {', '.join(accepted)}."
        )


def check_name(value: str) -> Iterator[Problem]:
    if not is_project_name(value):
        rule = "is not a legal project name"
        yield problem("name", value, rule, "Use ASCII letters, digits, '-', '_' and '.', with no mark at either end.")


def check_version(value: str, *, local_versions: bool) -> Iterator[Problem]:
    if not is_version(value):
        yield problem("version", value, "is not a PEP 440 version", "Use a form like 1.0, 1.0rc1 or 1.0.post1.")
    elif not local_versions and Version(value).local:
        yield problem("version", value, "has a local part", "Drop what follows the '+'.")


def is_version(value: str) -> bool:
    """True for ASCII PEP 440 text without surrounding blanks (`packaging` alone would strip, and fold non-ASCII)."""
    if not value.isascii() or len(value) > VERSION_CHARS_MAX or value != value.strip():
        return False
    try:
        Version(value)
    except InvalidVersion:
        return False
    return True


def check_summary(value: str, chars_max: int) -> Iterator[Problem]:
    if "\n" in value or "\r" in value:
        yield problem("summary", value, "has more than one line", "Put long text into the description.")
    if len(value) > chars_max:
        yield problem("summary", value, f"is longer than {chars_max} characters", "Shorten it.")


def check_requires_python(value: str) -> Iterator[Problem]:
    try:
        # `===` takes any text; this value goes into attributes of pages that every installer reads.
        is_specifier = value.isascii() and value.isprintable() and SpecifierSet(value) is not None
    except InvalidSpecifier:
        is_specifier = False
    if not is_specifier:
        yield problem("requires_python", value, "is not a version specifier", "Use a form like >=3.9.")


def check_requirements(field: str, values: tuple[str, ...], direct_urls: bool) -> Iterator[Problem]:
    for value in values:
        try:
            requirement = Requirement(value)
        except (InvalidRequirement, RecursionError):  # a marker of a thousand parentheses is none either
            yield problem(field, value, "is not a dependency specifier", "Use a form like name>=1.0 (PEP 508).")
            continue
        if not str(requirement.specifier).isascii():
            yield problem(field, value, "is not plain ASCII in its version", "Use a form like name>=1.0 (PEP 508).")
        if requirement.url and not direct_urls:
            yield problem(field, value, "names a direct URL", "Depend on a published project instead.")


def check_extra(value: str) -> Iterator[Problem]:
    if not is_project_name(value):
        yield problem("provides_extra", value, "is not a legal extra name", "Use ASCII letters, digits, '-', '_', '.'.")


def check_dynamic(value: str) -> Iterator[Problem]:
    field = value.strip().lower()
    if field not in KNOWN_FIELDS:
        yield problem("dynamic", value, "is not a core metadata field", "Name a field of the specification.")
    elif field in ("name", "version", "metadata-version"):
        yield problem("dynamic", value, "may not be dynamic", "State it in the sdist (PEP 643).")


def check_licence_file(value: str) -> Iterator[Problem]:
    segments = value.split("/")
    if value.startswith("/") or "\\" in value or ".." in segments:
        yield problem("license_file", value, "is not a path inside the project", "Use a relative path with '/'.")


def check_licence(expression: str) -> Iterator[Problem]:
    """An SPDX expression. Licence classifiers may stand beside it: PEP 639 lets an index choose, and many wheels do."""
    try:
        canonicalize_license_expression(expression)
    except InvalidLicenseExpression:
        yield problem("license_expression", expression, "is not an SPDX expression", "Use a form like MIT.")


def check_description_content_type(value: str) -> Iterator[Problem]:
    kind, *parameters = (part.strip().lower() for part in value.split(";"))
    if kind not in CONTENT_TYPES:
        yield problem(
            "description_content_type", value, "is not a known content type", f"Use one of {', '.join(CONTENT_TYPES)}."
        )
    for parameter in parameters:
        key, _, setting = parameter.partition("=")
        if key == "charset" and setting.strip('"') != "utf-8":
            yield problem("description_content_type", value, "names another charset", "Use charset=UTF-8.")


def check_project_urls(urls: dict[str, str]) -> Iterator[Problem]:
    for label, url in urls.items():
        if not label or len(label) > LABEL_CHARS_MAX:
            yield problem(
                "project_urls", label, f"is not a label of 1 to {LABEL_CHARS_MAX} characters", "Write 'Label, URL'."
            )
        elif not url:
            yield problem("project_urls", label, "has no URL", "Write 'Label, URL'.")


def check_links(urls: dict[str, str]) -> Iterator[Problem]:
    """Links that a browser follows to a web server and nowhere else."""
    for label, url in urls.items():
        if url and (_WEB_LINK.fullmatch(url) is None):
            yield problem("project_urls", f"{label}, {url}", "is not an http or https URL", "Write https://...")


def check_imports(names: tuple[str, ...], namespaces: tuple[str, ...]) -> Iterator[Problem]:
    """Import names are dotted identifiers, perhaps `; private`; none is both a name and a namespace (PEP 794)."""
    for field, values in (("import_names", names), ("import_namespaces", namespaces)):
        for value in values:
            if not _is_import_name(value):
                yield problem(field, value, "is not an import name", "Use dotted identifiers.")
    bare = {_bare(value) for value in names}
    for value in namespaces:
        if _bare(value) and _bare(value) in bare:
            yield problem("import_namespaces", value, "is an import name too", "Keep it in one of the two (PEP 794).")


def _bare(value: str) -> str:
    return value.partition(";")[0].strip()


def _is_import_name(value: str) -> bool:
    name, mark, flag = value.partition(";")
    if mark and flag.strip() != "private":
        return False
    if not name.strip():
        return not mark  # an empty Import-Name says: this distribution has none
    return all(part.isidentifier() and not keyword.iskeyword(part) for part in name.strip().split("."))
