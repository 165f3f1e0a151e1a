"""Webhooks' deliveries in this thread, one after the other."""

from holdfast.config import Config
from holdfast.control.hooks.posting import post
from holdfast.control.hooks.sending import Post, deliver, due_deliveries
from holdfast.control.publication.transaction import Publication
from holdfast.control.secret_key import read_keys


def send_due(config: Config, publisher: Publication, send: Post = post) -> int:
    """Deliver what is due now; how many deliveries were tried."""
    waiting = due_deliveries(publisher.clock)
    keys = read_keys(config) if waiting else []
    return sum(deliver(rows, keys, config, publisher, send) for rows in waiting.values())
