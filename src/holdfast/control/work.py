"""The work role: finishes publications that were cut off, and does the upkeep.

It lives through outages of database and store: each task that fails rests, longer each time up to a limit, and
says so once per change of state, not once per try.
"""

import signal
import threading

from holdfast.clock import Clock, SystemClock
from holdfast.config import Config
from holdfast.control.collector import settle
from holdfast.control.database import close_connection, django_setup
from holdfast.control.healing import heal_beside
from holdfast.control.tasks import Task
from holdfast.store.opening import configured_store
from holdfast.store.port import Store

TICK_SECONDS = 1.0
STOP_SECONDS = 3.0  # for one object on its way between two stores; it takes effect whole or not at all
MINUTE, DAY = 60.0, 86_400.0


def run(config: Config, stop_event: threading.Event | None = None) -> None:
    """Work until told to stop: by `stop_event`, or by SIGTERM and SIGINT when there is none."""
    clock = SystemClock()
    django_setup(config)
    store = configured_store(config)
    stop = stop_event or _stopped_by_signals()  # until here nothing has begun, and a signal may simply end us
    healing = heal_beside(config, store, stop)
    opening = Task("work", TICK_SECONDS, lambda: None)
    tasks: list[Task] = []

    def open_all() -> None:
        tasks.extend(_tasks(config, store, clock, stop))
        settle()

    opening.run = open_all
    while not stop.is_set():
        now = clock.monotonic()
        if not tasks:
            opening.run_when_due(now)
        for task in tasks:
            if not stop.is_set():
                task.run_when_due(now)
        stop.wait(TICK_SECONDS)
    if healing is not None:
        healing.join(STOP_SECONDS)
    close_connection()


def _tasks(config: Config, store: Store, clock: Clock, stop: threading.Event) -> list[Task]:
    """What there is to do, once the instance is whole. Raises any Outcome."""
    from holdfast.control.accounts.standing import Standings
    from holdfast.control.accounts.trail import chain_waiting, publish_trail_head
    from holdfast.control.accounts.upkeep import sweep_accounts
    from holdfast.control.canary_watch import watch_beside
    from holdfast.control.cataloguing import Cataloguer
    from holdfast.control.domains.beside import ask_the_world
    from holdfast.control.hooks.sending import deliver_beside, forget_deliveries
    from holdfast.control.instance import prepare
    from holdfast.control.organisations.invitations import expire_invitations
    from holdfast.control.organisations.offers import expire_offers
    from holdfast.control.people_pages import PeoplePages
    from holdfast.control.projects.intents import Watch
    from holdfast.control.publication.drill import pause_from_environment
    from holdfast.control.publication.lost_end import reopen_lost_end
    from holdfast.control.publication.page_assets import forget_assets, keep_assets
    from holdfast.control.publication.publisher import Publisher
    from holdfast.control.publication.upkeep import (
        Checkpoints,
        compact_tree,
        expire_deleted,
        sweep,
        sweep_folders,
    )
    from holdfast.control.publishers.tokens import sweep_tokens
    from holdfast.control.retention.carrying import Retention
    from holdfast.control.staging.preview import drop_strays, show_changed
    from holdfast.control.staging.sessions import expire_sessions
    from holdfast.control.switches.reminders import Reminders
    from holdfast.tree.reader import TreeReader

    known = prepare(config, store, clock)
    publisher = Publisher(known, store, clock, pause_from_environment("work"))
    deliver_beside(known, publisher, stop)
    ask_the_world(known, publisher, clock, stop)
    watch_beside(known, publisher, store, clock, stop)
    reader = TreeReader(store, clock, known.instance)
    checkpoints = Checkpoints(reader, clock)
    watch = Watch()
    people = PeoplePages(known, store, clock)
    standings = Standings(store, clock, publisher.instance)
    cataloguer = Cataloguer(known, reader, clock)
    return [
        Task("publication", TICK_SECONDS, publisher.drain),
        Task("looking for the journal's end", MINUTE, lambda: reopen_lost_end(store, clock)),
        Task("the sweep of abandoned and removed bytes", MINUTE, lambda: sweep(known, store, clock, watch)),
        Task("ending staged releases that expired", MINUTE, lambda: expire_sessions(publisher, clock)),
        Task("previews of staged releases", MINUTE / 6, lambda: show_changed(store, clock)),
        Task("the sweep of lost previews", MINUTE * 60, lambda: drop_strays(store, clock)),
        Task("giving up the bytes of deleted files", MINUTE * 60, lambda: expire_deleted(known, clock)),
        Task("the sweep of temporary files", MINUTE * 60, lambda: sweep_folders(known, store, clock)),
        Task("the sweep of publishers' tokens", MINUTE * 5, lambda: sweep_tokens(clock)),
        Task("writing checkpoints", MINUTE / 6, checkpoints.write_when_due),
        Task("writing the pages of people", MINUTE / 6, people.write_when_changed),
        Task("writing down who is shut out", MINUTE / 12, standings.write_when_changed),
        Task("writing catalogues", TICK_SECONDS * 5, cataloguer.write_when_changed),
        Task("keeping the assets of pages", MINUTE * 60, lambda: keep_assets(store, clock)),
        Task("forgetting assets of releases long gone", DAY, lambda: forget_assets(store, clock)),
        Task("reminding of switches, reports and quarantines", MINUTE, Reminders(publisher, known).remind),
        Task("the sweep of mails, sessions and counts", MINUTE * 60, lambda: sweep_accounts(clock)),
        Task("forgetting deliveries", MINUTE * 60, lambda: forget_deliveries(clock)),
        Task("retention", MINUTE * 60, Retention(publisher).run),
        Task("ending invitations", MINUTE * 10, lambda: expire_invitations(clock)),
        Task("ending offers", MINUTE * 10, lambda: expire_offers(clock)),
        Task("chaining events of the audit trail", MINUTE, lambda: chain_waiting(publisher)),
        Task("publishing the audit trail's head", MINUTE * 60, lambda: publish_trail_head(publisher, store)),
        Task("compaction", DAY, lambda: compact_tree(known, reader, clock)),
    ]


def _stopped_by_signals() -> threading.Event:
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda _number, _frame: stop.set())
    return stop
