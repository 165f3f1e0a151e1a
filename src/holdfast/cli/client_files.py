"""Edits of other programs' configuration files: pure functions from old text to new, keeping all they do not own.

INI files (pip.conf, .pypirc) are changed key by key. In TOML files (uv.toml, pyproject.toml) our part is a block
between two marker lines, so that a second run replaces it and nobody else's table is touched.
"""

import configparser
import re
import tomllib
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote, urlsplit, urlunsplit

_ADDING = ("extra-index-url", "find-links")  # pip takes the highest version of all places, whosever it is
NAME = "holdfast"  # of the index, source or repository in each tool


class EditError(Exception):
    """The file cannot be changed safely; the message says why."""


def pip_conf(text: str, simple_url: str, trusted: str) -> str:
    """pip.conf with `simple_url` as its index, and with or without our trusted host."""
    text = set_ini(text, "global", "index-url", simple_url)
    return set_ini(text, "global", "trusted-host", trusted) if trusted else text


def pip_elsewhere(text: str, environ: Mapping[str, str]) -> list[str]:
    """Where pip is told of other places than our index: keys of its file, and variables, which go before the file."""
    sections = _ini(text)
    keys = [f"{key} in [{section}]" for section in sections.sections() for key in _ADDING if key in sections[section]]
    keys += [f"index-url in [{s}]" for s in sections.sections() if s != "global" and "index-url" in sections[s]]
    variables = [f"PIP_{key.replace('-', '_').upper()}" for key in ("index-url", *_ADDING)]
    return [*keys, *(name for name in variables if environ.get(name))]


def pypirc(text: str, upload_url: str, token: str) -> str:
    """.pypirc with the repository `holdfast`, listed where twine looks for names."""
    servers = _ini(text).get("distutils", "index-servers", fallback="pypi").split()
    if NAME not in servers:
        text = set_ini(text, "distutils", "index-servers", "".join(f"\n    {name}" for name in [*servers, NAME]))
    text = set_ini(text, NAME, "repository", upload_url)
    text = set_ini(text, NAME, "username", "__token__")
    return set_ini(text, NAME, "password", token) if token else text


def uv_toml(text: str, simple_url: str, upload_url: str, *, in_pyproject: bool) -> str:
    """uv.toml or pyproject.toml with the default index `holdfast`."""
    table = "tool.uv.index" if in_pyproject else "index"
    block = f'[[{table}]]\nname = "{NAME}"\nurl = "{simple_url}"\npublish-url = "{upload_url}"\ndefault = true\n'
    text = with_block(text, "uv", block)
    document = _toml(text)
    indexes = document.get("tool", {}).get("uv", {}).get("index", []) if in_pyproject else document.get("index", [])
    defaults = [index.get("name") or index.get("url") for index in indexes if index.get("default")]
    if len(defaults) > 1:
        raise EditError(
            f"uv allows one default index, and {defaults[0]!r} is set as one; take its `default` away first"
        )
    return text


def poetry_toml(text: str, simple_url: str) -> str:
    """pyproject.toml with the primary source `holdfast`."""
    block = f'[[tool.poetry.source]]\nname = "{NAME}"\nurl = "{simple_url}"\npriority = "primary"\n'
    text = with_block(text, "poetry", block)
    names = [source.get("name") for source in _toml(text).get("tool", {}).get("poetry", {}).get("source", [])]
    if names.count(NAME) > 1:
        raise EditError(f"poetry already has a source called {NAME!r}; remove it first (poetry source remove {NAME})")
    return text


def with_block(text: str, client: str, block: str) -> str:
    """`text` with our marked block for `client` at its end, or in the place of an earlier one."""
    begin, end = (f"# {word}: written by `holdfast use {client}`\n" for word in ("begin", "end"))
    marked = begin + block + end
    pattern = re.compile(f"^{re.escape(begin)}.*?^{re.escape(end)}", re.MULTILINE | re.DOTALL)
    if pattern.search(text):
        return pattern.sub(lambda _match: marked, text, count=1)
    separator = "" if not text else "\n" if text.endswith("\n") else "\n\n"
    return text + separator + marked


def set_ini(text: str, section: str, key: str, value: str) -> str:
    """`text` with one key of one section set; comments, order and everything else stay."""
    _ini(text)
    entry = f"{key} ={value if value.startswith(chr(10)) else ' ' + value}".rstrip() + "\n"
    lines = text.splitlines(keepends=True)
    if lines and not lines[-1].endswith("\n"):
        lines[-1] += "\n"
    head = next((i for i, line in enumerate(lines) if line.strip().lower() == f"[{section}]"), None)
    if head is None:
        return "".join([*lines, "\n" if lines else "", f"[{section}]\n", entry])
    end = next((i for i in range(head + 1, len(lines)) if lines[i].startswith("[")), len(lines))
    spelt = "[-_]".join(map(re.escape, key.split("-")))  # pip takes index_url for index-url
    is_key = re.compile(rf"{spelt}\s*[=:]", re.IGNORECASE)
    found = next((i for i in range(head + 1, end) if is_key.match(lines[i])), None)
    if found is None:
        return "".join([*lines[: head + 1], entry, *lines[head + 1 :]])
    after = found + 1
    while after < end and lines[after][:1] in " \t" and lines[after].strip():  # a value's continuation lines
        after += 1
    return "".join([*lines[:found], entry, *lines[after:]])


def with_credentials(url: str, token: str) -> str:
    """`url` with the token as its password; unchanged without one."""
    if not token:
        return url
    parts = urlsplit(url)
    return urlunsplit(parts._replace(netloc=f"__token__:{quote(token, safe='')}@{parts.netloc.rpartition('@')[2]}"))


def _ini(text: str) -> configparser.RawConfigParser:
    parser = configparser.RawConfigParser()
    try:
        parser.read_string(text)
    except configparser.Error as error:
        raise EditError(f"it does not parse: {' '.join(str(error).split())}") from error
    return parser


def _toml(text: str) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise EditError(f"with our part added it would not parse ({error})") from error
