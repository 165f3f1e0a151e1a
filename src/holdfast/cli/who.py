"""Who is at the keyboard, for what is written down about operators' decisions."""

import getpass
import os
import socket


def who() -> str:
    """`user@machine`, as far as this machine knows them."""
    try:
        user = os.environ.get("SUDO_USER") or getpass.getuser()
    except (OSError, KeyError):  # a container's user without an entry
        user = f"uid-{os.getuid()}"
    return f"{user}@{socket.gethostname()}"
