"""Which addresses are pages of control: the front forwards them as pages, control answers them as pages."""

ROOTS = ("account", "manage", "admin")  # first segments; an index may have none of these names
ME = "/_/me"  # who the visitor is, for scripts of pages that are the same for everybody


def is_control_page(path: str) -> bool:
    """True for a decoded path, without the public URL's prefix, that is a page of control."""
    return path == ME or path[1:].partition("/")[0] in ROOTS
