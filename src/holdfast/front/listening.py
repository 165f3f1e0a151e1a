"""One listening socket for every front that follows another, so that a new certificate costs nobody a connection.

Granian's workers each listen for themselves (SO_REUSEPORT). When such a worker ends, the kernel resets the connections
that still wait in its queue, and Granian drops those whose TLS handshake is under way with the listener that began it.
So under TLS `serve` opens the socket, and fronts inherit it: the queue outlives them. A front that is to go stops
taking connections first (SIGUSR1), answers on those it has with `connection: close`, and is ended a little later.

Granian has no setting for a socket that is there already, nor for accepting no more, so two of its insides are
used: the method that makes the socket of its workers (serve.py), and that a worker accepts at the very descriptor it
was given. A test fails when the locked release has them no longer. To be removed when Granian takes a descriptor and
drains by itself.
"""

import os
import signal
import socket
from pathlib import Path

LISTENER, READY = "HOLDFAST_LISTENER_FD", "HOLDFAST_READY_FD"  # numbers of what a front inherits, in its environment
BACKLOG = 2048
STOP_ACCEPTING = signal.SIGUSR1  # to a front's main process, which passes it on to its workers


def open_listener(host: str, port: int) -> socket.socket:
    """Listen there, for fronts to inherit. Connections that come before the first one wait. Raises OSError."""
    listener = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # connections in TIME_WAIT are no obstacle
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # as Granian does; connections inherit it
        listener.bind((host, port))
        listener.listen(BACKLOG)
    except OSError:
        listener.close()
        raise
    return listener


def inherited(name: str) -> int | None:
    """The descriptor of that name, if this front was started with one."""
    number = os.environ.get(name, "")
    return int(number) if number else None


def tell_ready() -> None:
    """Tell whoever started this front that it is about to accept."""
    if (descriptor := inherited(READY)) is not None:
        try:
            os.write(descriptor, b".")
        except OSError:
            pass  # nobody waits any more: a worker that took another one's place


def stop_accepting(listener: int, folder: Path) -> None:
    """Put a socket that nobody can reach in the place of `listener`: whoever accepts there finds nothing any more.

    The listening socket itself goes on in the processes that share it. Connections accepted so far are not touched.
    """
    path = folder / f"nobody-{os.getpid()}.sock"
    with socket.socket(socket.AF_UNIX) as nobody:
        nobody.bind(str(path))
        path.unlink()
        nobody.listen(1)
        nobody.setblocking(False)
        os.dup2(nobody.fileno(), listener)
