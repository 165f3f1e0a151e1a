"""What every page is sent with, whoever makes it: one content security policy, spelt once."""

# Only this instance's own files, no inline script or style, no frames, no plug-ins: what an injected tag would need.
_POLICY = {
    "default-src": "'none'",
    "style-src": "'self'",
    "script-src": "'self'",
    "img-src": "'self'",
    "connect-src": "'self'",  # the script asks who is signed in, and nothing else
    "form-action": "'self'",
    "frame-ancestors": "'none'",
    "base-uri": "'none'",
}


def policy(**changes: str) -> str:
    """The policy as a header value, some directives (`img_src=...`) replaced."""
    changed = _POLICY | {name.replace("_", "-"): value for name, value in changes.items()}
    return "; ".join(f"{name} {value}" for name, value in changed.items())


CSP = policy()

PAGE_HEADERS: tuple[tuple[str, str], ...] = (
    ("content-security-policy", CSP),
    ("x-frame-options", "DENY"),  # for what reads no `frame-ancestors`
    ("x-content-type-options", "nosniff"),
    ("referrer-policy", "same-origin"),
    ("cross-origin-opener-policy", "same-origin"),
)
