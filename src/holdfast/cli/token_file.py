"""`--token-file`: a token from a file, never from the command line, where other users of the machine would see it."""

from pathlib import Path

from holdfast.cli.errors import fail

TOKEN_BYTES_MAX = 4096  # ours have some seventy


def read_token(path: Path | None) -> str:
    """The token a file holds, "" without a file; ends the command, showing nothing of it, when it holds none."""
    if path is None:
        return ""
    try:
        with path.open("rb") as file:
            token = file.read(TOKEN_BYTES_MAX + 1).decode("ascii").strip()
    except OSError as error:
        fail(f"{path}: {error.strerror}")
    except UnicodeDecodeError:
        token = ""
    if not token or not token.isprintable() or len(token) > TOKEN_BYTES_MAX or " " in token:
        fail(f"{path} holds no token: it must be one line, as `holdfast token create` prints it")
    return token
