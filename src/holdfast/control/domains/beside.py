"""Mail servers and resolvers may take their time: they are asked in a thread of the work role, so nothing waits."""

import threading

from holdfast.clock import Clock
from holdfast.config import Config
from holdfast.control.database import close_connection
from holdfast.control.domains.watch import watch
from holdfast.control.mail.sending import send_waiting
from holdfast.control.publication.transaction import Publication
from holdfast.control.tasks import Task

MAIL_SECONDS = 2.0
WATCH_SECONDS = 60.0


def ask_the_world(config: Config, publisher: Publication, clock: Clock, stop: threading.Event) -> threading.Thread:
    """Start the thread that sends mails and looks at domains until told to stop."""
    tasks = [
        Task("mail", MAIL_SECONDS, lambda: send_waiting(config, clock)),
        Task("the watch of mail domains", WATCH_SECONDS, lambda: watch(config, publisher, clock)),
    ]

    def work() -> None:
        while not stop.wait(MAIL_SECONDS):
            for task in tasks:
                task.run_when_due(clock.monotonic())
        close_connection()

    thread = threading.Thread(target=work, name="mail", daemon=True)
    thread.start()
    return thread
