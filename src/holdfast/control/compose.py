"""Control's parts, put together by hand: the one place where a process chooses its store, publisher and neighbours."""

import structlog

from holdfast.clock import SystemClock
from holdfast.config import Config
from holdfast.control.accounts.actor import operator
from holdfast.control.accounts.noting import HOLD_SECONDS
from holdfast.control.instance import prepare
from holdfast.control.key_check import note_key
from holdfast.control.parts import Parts
from holdfast.control.publication.drill import pause_from_environment
from holdfast.control.publication.page_assets import keep_assets
from holdfast.control.publication.publisher import Publisher
from holdfast.control.publishers.exchange import Exchange
from holdfast.control.publishers.fetching import ask, fetch
from holdfast.control.sign_in.asking import Providers
from holdfast.control.tokens.uses import Uses
from holdfast.control.uploads.attested import attesters
from holdfast.control.uploads.shadow import PullNames
from holdfast.policy_reload import PolicyInForce
from holdfast.store.opening import configured_store

log = structlog.get_logger()


def open_parts(config: Config, uses: Uses | None = None) -> Parts:
    """Recognise the instance, migrate its database if this release needs it, compose. Raises any Outcome."""
    clock = SystemClock()
    store = configured_store(config)
    known = prepare(config, store, clock)
    keep_assets(store, clock)  # before any page of this release: a front of another one may be asked for its styles
    pause = pause_from_environment("control")
    publisher = Publisher(known, store, clock, pause)
    if trouble := note_key(publisher, known, operator("control"), deadline=clock.monotonic() + HOLD_SECONDS):
        log.error(trouble)
    return Parts(
        known,
        clock,
        store,
        publisher,
        PullNames(known.pull_socket),
        attestations=attesters(known),
        exchange=Exchange(fetch, clock) if known.providers else None,
        providers=Providers(fetch, ask, clock) if known.sign_in else None,
        pause=pause,
        uses=uses or Uses(),
        policy=PolicyInForce(known),
    )
