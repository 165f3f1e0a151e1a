"""Can anybody tell by the time of an answer which tokens and which people there are? Measured where it is decided.

In one process, without a network: what cannot be seen here cannot be seen from farther away. In each round every case
is timed once, in an order drawn anew, so that what the machine does meanwhile falls on all of them. What is told is the
median of the differences within a round, with the interval in which the true median lies 95 times of 100 (order
statistics of the binomial distribution, nothing assumed of how times are spread). An interval that has 0 in it: no
difference was found; its width is how large a difference could have hidden.
"""

import random
import statistics
import tempfile
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

from holdfast.clock import SystemClock
from holdfast.config import Config, IndexConfig
from holdfast.control.database import close_connection, django_setup
from holdfast.core.errors import Refused
from holdfast.core.tokens import checksum, mint
from holdfast.read.access import Access
from holdfast.store.local import LocalStore
from holdfast.tree.reader import TreeReader

TOKEN_ROUNDS = 4000
SIGN_IN_ROUNDS = 80  # of some 50 ms each, on purpose
SEED = 1
PASSWORD = "correct horse battery staple"  # of an account that lives as long as the measurement

Cases = Mapping[str, Callable[[], object]]


def run() -> list[str]:
    """A row for each case: how much longer it takes than the first of its kind."""
    lines = [
        "| what is checked | against | rounds | median, us | difference, us | 95 of 100 | told apart |",
        "|---|---|---|---|---|---|---|",
    ]
    with tempfile.TemporaryDirectory() as folder:
        django_setup(Config(data=Path("/nonexistent")))  # models can only be imported after this
        try:
            for name, cases, rounds in _measured(Path(folder) / "data"):
                lines += _rows(name, cases, rounds)
        finally:
            close_connection()
    return lines


def _measured(data: Path) -> list[tuple[str, Cases, int]]:
    """Everything of one scratch instance, made ready."""
    from holdfast.control.accounts.actions import authenticate, create_token, revoke_token
    from holdfast.control.accounts.actor import Scopes, operator
    from holdfast.control.accounts.backend import Passwords
    from holdfast.control.accounts.models import User
    from holdfast.control.instance import initialise
    from holdfast.control.publication.publisher import Publisher

    config = Config(data=data, indexes=(IndexConfig("main"), IndexConfig("team", private=True)))
    store = LocalStore.create(config.store_folder)
    config = initialise(config, store)
    publisher, clock = Publisher(config, store), SystemClock()

    def token(expires: datetime | None = None) -> str:
        deadline = time.monotonic() + 8
        return create_token(publisher, "t", "alice", Scopes(("team",)), expires, operator(), deadline=deadline).text

    texts = {"unknown": mint().text, "known id, other secret": _other_secret(token()), "revoked": token()}
    texts["expired, other secret"] = _other_secret(token(datetime.now(UTC) - timedelta(days=1)))
    revoke_token(publisher, texts["revoked"].split("_")[1], operator(), deadline=time.monotonic() + 8)
    users = User.objects
    users.update_or_create(username="alice", defaults={"is_active": True})
    for user in users.all():
        user.set_password(PASSWORD)
        user.save()
    robot, frozen = users.create(username="robot", is_robot=True), users.create(username="frozen", is_active=False)
    for user in (robot, frozen):
        user.set_password(PASSWORD)
        user.save()
    reader = TreeReader(store, clock, config.instance)
    reader.load()
    access, door = Access(config, reader, clock), Passwords()

    def sign_in(login: str) -> Callable[[], object]:
        return lambda: door.authenticate(None, username=login, password="wrong, and long enough")

    people = {"nobody of that name": sign_in("nobody"), "wrong password": sign_in("alice")}
    people |= {"a robot": sign_in("robot"), "frozen": sign_in("frozen")}
    api = {name: (lambda text=text: authenticate(text, clock)) for name, text in texts.items()}
    reads = {name: (lambda text=text: _refused(access, f"Bearer {text}")) for name, text in texts.items()}
    return [
        ("token, uploads and API", api, TOKEN_ROUNDS),
        ("token, private index", reads, TOKEN_ROUNDS),
        ("sign-in", people, SIGN_IN_ROUNDS),
    ]


def _other_secret(text: str) -> str:
    """A token with that id and another secret: a stranger who knows the id has nothing better."""
    prefix, own, *_rest = text.split("_")
    _prefix, _id, secret, _sum = mint().text.split("_")
    body = f"{prefix}_{own}_{secret}"
    return f"{body}_{checksum(body)}"


def _refused(access: Access, authorization: str) -> None:
    try:
        access.demand("team", authorization)
    except Refused:
        return
    raise AssertionError("it was let in")


def _rows(name: str, cases: Cases, rounds: int) -> list[str]:
    order, drawn = list(cases), random.Random(SEED)
    times: dict[str, list[float]] = {case: [] for case in cases}
    for number in range(-max(3, rounds // 20), rounds):
        drawn.shuffle(order)
        for case in order:
            began = time.perf_counter_ns()
            cases[case]()
            if number >= 0:  # the first rounds only warm up
                times[case].append((time.perf_counter_ns() - began) / 1000)
    first, *others = cases
    return [_row(name, first, case, times[first], times[case]) for case in others]


def _row(name: str, first: str, case: str, base: list[float], other: list[float]) -> str:
    differences = sorted(b - a for a, b in zip(base, other, strict=True))
    count = len(differences)
    reach = int(0.98 * count**0.5) + 1  # 1.96 standard deviations of a binomial with p = 1/2
    low, high = differences[max(0, count // 2 - reach)], differences[min(count - 1, count // 2 + reach)]
    middle, median = statistics.median(differences), statistics.median(base)
    told = "no" if low <= 0 <= high else "yes"
    interval = f"{low:+.2f} to {high:+.2f}"
    return f"| {name}: {case} | {first} | {count} | {median:.1f} | {middle:+.2f} | {interval} | {told} |"
