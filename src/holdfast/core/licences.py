"""The licences a file's core metadata declares, and whether a list of patterns denies them."""

import re
from email.parser import HeaderParser

HEADER_BYTES_MAX = 256 * 1024  # of a METADATA document; what comes later is its description
_FIELD_CHARS_MAX = 200  # of a License field; longer ones are whole licence texts
TEXT_CHARS_MAX = 1_000  # of an expression or a classifier; real ones stay below a third, and judging takes its square
LICENCES_MAX = 100  # of one file; there are about as many classifiers of licences
_TOKENS = re.compile(r"\(|\)|[^\s()]+")


def declared_licences(metadata: bytes) -> tuple[str, ...]:
    """The License-Expression, else what License and the classifiers say; () when nothing does. Up to 20 ms of Python.

    A text that is longer than TEXT_CHARS_MAX comes cut, and is still longer.
    """
    text = metadata[:HEADER_BYTES_MAX].decode("utf-8", "replace").replace("\r\n", "\n").partition("\n\n")[0]
    headers = HeaderParser().parsestr(text)
    expression = str(headers.get("License-Expression") or "").strip()
    if expression:
        return (_cut(expression),)
    free = str(headers.get("License") or "").strip()
    found = [free] if free and len(free) <= _FIELD_CHARS_MAX and "\n" not in free else []
    classifiers = (str(line).strip() for line in headers.get_all("Classifier") or ())
    told = dict.fromkeys((*found, *(_cut(line) for line in classifiers if line.startswith("License ::"))))
    return tuple(told)[:LICENCES_MAX]


def _cut(text: str) -> str:
    return text[: TEXT_CHARS_MAX + 1]


def denied_licence(declared: tuple[str, ...], patterns: tuple[str, ...]) -> str:
    """The declared licence that a pattern (`AGPL*`; case does not matter) denies, or "".

    Of an expression's alternatives (OR) one that is not denied is enough; of what applies together (AND) all must be.
    A classifier is also known by its last part. What is too long or too deeply nested to be judged is denied.
    """
    if not patterns:
        return ""
    return next((text for text in declared if _is_denied(text, patterns)), "")


def _is_denied(text: str, patterns: tuple[str, ...]) -> bool:
    if len(text) > TEXT_CHARS_MAX:
        return True
    tokens: list[str] = _TOKENS.findall(text)
    try:
        denied = _alternatives(tokens, patterns)
        if not tokens:
            return denied
    except RecursionError:
        return True
    except (IndexError, ValueError):
        pass
    return _fits(text, patterns) or _fits(text.rpartition(" :: ")[2], patterns)


def _fits(text: str, patterns: tuple[str, ...]) -> bool:
    return any(
        re.fullmatch(".*".join(map(re.escape, re.split(r"\*+", pattern))), text, re.IGNORECASE) for pattern in patterns
    )


def _alternatives(tokens: list[str], patterns: tuple[str, ...]) -> bool:
    """SPDX: `X OR Y AND Z`, AND binds tighter. What is left in `tokens` was no expression. Raises as `_one`."""
    denied = _together(tokens, patterns)
    while tokens and tokens[0].upper() == "OR":
        tokens.pop(0)
        denied = _together(tokens, patterns) and denied
    return denied


def _together(tokens: list[str], patterns: tuple[str, ...]) -> bool:
    denied = _one(tokens, patterns)
    while tokens and tokens[0].upper() == "AND":
        tokens.pop(0)
        denied = _one(tokens, patterns) or denied
    return denied


def _one(tokens: list[str], patterns: tuple[str, ...]) -> bool:
    """A licence, maybe WITH an exception, or an expression in brackets. Raises IndexError, ValueError."""
    if tokens[0] == "(":
        tokens.pop(0)
        denied = _alternatives(tokens, patterns)
        if tokens.pop(0) != ")":
            raise ValueError("a bracket is open")
        return denied
    name = tokens.pop(0)
    whole = name
    if tokens and tokens[0].upper() == "WITH":
        tokens.pop(0)
        whole = f"{name} WITH {tokens.pop(0)}"
    return _fits(name, patterns) or _fits(whole, patterns)
