"""What a query asks for in a page of the Simple API."""

from urllib.parse import parse_qs

FIELDS_MAX = 20  # of one query: a browser and an installer send one


def asked_format(query: str) -> str | None:
    """The `format` a query asks for. One of many fields is none of a browser's or an installer's, and asks for none."""
    try:
        return parse_qs(query, max_num_fields=FIELDS_MAX).get("format", [None])[-1]
    except ValueError:
        return None
