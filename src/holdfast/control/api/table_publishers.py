"""The addresses of trusted publishers, a part of table.py."""

from holdfast.control import rights
from holdfast.control.api import publishers
from holdfast.control.api.describe import Address, Field, Route

PROJECT = "projects/<slug:index>/<str:name>"

PROVIDER = Field(
    "provider", "text", "Whose identity tokens, by its name in the configuration.", "github", required=True
)
CLAIMS = Field("claims", "object", "What describes the identity.", {"owner": "acme"}, required=True)

PUBLISHERS = (
    Address(
        PROJECT + "/publishers",
        "publishers",
        {
            "GET": Route(publishers.list_publishers, rights.SEE_PUBLISHERS, "Publishers"),
            "POST": Route(publishers.add_publisher, rights.SET_PUBLISHER, "Publisher", (PROVIDER, CLAIMS), status=201),
        },
    ),
    Address(
        PROJECT + "/publishers/<int:publisher>",
        "publishers",
        {"DELETE": Route(publishers.remove_publisher, rights.SET_PUBLISHER)},
    ),
    Address(
        "publishers/pending",
        "publishers",
        {
            "GET": Route(publishers.list_pending, rights.PENDING_PUBLISHER, "Publishers"),
            "POST": Route(
                publishers.add_pending,
                rights.PENDING_PUBLISHER,
                "Publisher",
                (
                    Field("name", "text", "The name of the project to be.", "demo", required=True),
                    Field("index", "text", "The hosted index.", "main"),
                    Field("user", "text", "Who becomes its owner; you, unless told otherwise.", "alice"),
                    PROVIDER,
                    CLAIMS,
                ),
                status=201,
            ),
        },
    ),
    Address(
        "publishers/pending/<int:publisher>",
        "publishers",
        {"DELETE": Route(publishers.remove_pending, rights.PENDING_PUBLISHER)},
    ),
)
