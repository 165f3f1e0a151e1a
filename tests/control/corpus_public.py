"""What public rules ask besides: each row is legal under private ones, or shows what is not asked."""

from functools import partial

import wheels
from control.corpus import Row, no, whole, yes

BROKEN_RST = "Demonstration\n====\n\nHello.\n"
MARKDOWN = {"Description-Content-Type": "text/markdown"}


def strict(what: str, words: str, **how: object) -> list[Row]:
    """A wheel that public rules refuse, and private ones take under a name of its own."""
    name = "private-" + "".join(c if c.isalnum() else "-" for c in what).strip("-")
    make = partial(wheels.wheel, **how)  # type: ignore[arg-type]
    return [
        no(what, words, lambda: whole(make("demo", "1.0")), "strict"),
        yes(f"{what}, privately", lambda: make(name, "1.0")),
    ]


def fields(what: str, words: str, **given: str) -> list[Row]:
    """The same for metadata fields, `_` for `-`."""
    return strict(what, words, metadata={key.replace("_", "-"): value for key, value in given.items()})


ROWS: list[Row] = [
    *fields("an unknown classifier", "is not a classifier known to this index", Classifier="Nonsense :: Indeed"),
    *fields("a private classifier", "is not a classifier known", Classifier="Private :: Do Not Upload"),
    *fields(
        "a deprecated classifier", "is deprecated. Use Natural Language", Classifier="Natural Language :: Ukranian"
    ),
    *fields("an author without an address", "is not a mail address", Author_email="Alice Doe"),
    *fields("an address without a domain", "is not a mail address", Author_email="alice@"),
    *fields("an address at a bare host", "is not a mail address", Maintainer_email="root@localhost"),
    *fields("the second of two addresses", "is not a mail address", Author_email="a@b.example, Bob <bob>"),
    *fields("five thousand characters of addresses", "is longer than 4000", Author_email="a@b.example, " * 400),
    *fields("a direct URL in provides", "names a direct URL", Provides_Dist="a @ https://a.example/a.whl"),
    *fields("a direct URL in obsoletes", "names a direct URL", Obsoletes_Dist="a @ https://a.example/a.whl"),
    *strict("a description that does not render", "does not render as text/x-rst", description=BROKEN_RST),
    yes(
        "that description as Markdown",
        lambda: wheels.wheel("marked", "1", metadata=MARKDOWN, description=BROKEN_RST),
        "strict",
    ),
    yes(
        "addresses in every usual form",
        lambda: wheels.wheel(
            "addressed",
            "1.0",
            metadata={
                "Author-email": 'Alice Doe <alice@company.example>, "Doe, Bob" <bob+pip@a-b.company.example>',
                "Maintainer-email": "carol.o'neil@company.example",
                "Classifier": ["Programming Language :: Python :: 3", "Typing :: Typed"],
            },
        ),
        "strict",
    ),
    yes(
        "fields that say UNKNOWN",
        lambda: wheels.wheel("unknowing", "1.0", metadata={"Author-email": "UNKNOWN"}),
        "strict",
    ),
    no(
        "an sdist under another spelling of its version",
        "is not demo-1.0.tar.gz, as its PKG-INFO has it",
        lambda: whole(
            ("demo-1.0.0.tar.gz", wheels.tar_bytes({"demo-1.0/PKG-INFO": wheels.metadata_text("demo", "1.0")}))
        ),
        "strict",
    ),
    Row("UNKNOWN in the form", lambda: whole(wheels.wheel("formless", "1.0"), author="UNKNOWN", comment="x"), 200, ""),
]
