"""The shapes of the API's answers as JSON Schema, by name, and an example of each. openapi.py puts them together."""

from typing import Any

Schema = dict[str, Any]

TEXT: Schema = {"type": "string"}
FLAG: Schema = {"type": "boolean"}
WHOLE: Schema = {"type": "integer", "minimum": 0}
TIME: Schema = {"type": "string", "format": "date-time"}
ROLE: Schema = {"enum": ["owner", "maintainer"]}
PLACE: Schema = {"enum": ["owner", "manager", "member"]}


def maybe(schema: Schema) -> Schema:
    """That, or null."""
    return {"anyOf": [schema, {"type": "null"}]}


def many(schema: Schema) -> Schema:
    """A list of that."""
    return {"type": "array", "items": schema}


def record(**properties: Schema) -> Schema:
    """An object with all of these keys. Later releases may add keys: clients ignore what they do not know."""
    return {"type": "object", "required": list(properties), "properties": properties}


def page(**properties: Schema) -> Schema:
    """One page of a list; `next` is null on the last."""
    return record(items=many(record(**properties)), next=maybe(TEXT))


_INVITATION = record(
    id=WHOLE,
    project=maybe(TEXT),
    organisation=maybe(TEXT),
    role=TEXT,
    to=TEXT,
    invited_by=TEXT,
    expires=TIME,
)
_OFFER = record(id=WHOLE, project=TEXT, user=maybe(TEXT), organisation=maybe(TEXT), offered_by=TEXT, expires=TIME)
_SWITCH = record(
    capability=TEXT,
    scope=TEXT,
    reason=TEXT,
    status_url=TEXT,
    banner=TEXT,
    until=maybe(TIME),
    by=TEXT,
    at=TIME,
    extended_by=TEXT,
    extended_at=maybe(TIME),
    age_seconds=WHOLE,
)
_PUBLISHER = record(
    id=WHOLE,
    index=TEXT,
    name=TEXT,
    provider=TEXT,
    claims={"type": "object"},
    pinned={"type": "object"},
    pending=FLAG,
    user=TEXT,
    created_by=TEXT,
    created=TIME,
    last_used=maybe(TIME),
    in_force=FLAG,
)
_FILE: dict[str, Schema] = {
    "filename": TEXT,
    "version": TEXT,
    "packagetype": TEXT,
    "size": maybe(WHOLE),
    "sha256": TEXT,
    "upload_time": maybe(TIME),
    "yanked": FLAG,
    "yanked_reason": TEXT,
}

_RULE = record(newest=maybe(WHOLE), days=maybe(WHOLE))
_SESSION: dict[str, Schema] = {
    "session": TEXT,
    "index": TEXT,
    "name": TEXT,
    "version": TEXT,
    "status": {"enum": ["open", "error", "processing", "published", "canceled"]},
    "created": TIME,
    "expires_at": TIME,
    "url": TEXT,
}

_WEBHOOK = record(
    id=WHOLE,
    url=TEXT,
    events=many(TEXT),
    created=TIME,
    failing_since=maybe(TIME),
    stopped=maybe(TIME),
    stopped_why=TEXT,
    deliveries=many(
        record(id=WHOLE, event=TEXT, created=TIME, attempts=WHOLE, status=maybe(WHOLE), error=TEXT, done=maybe(TIME))
    ),
)

SCHEMAS: dict[str, Schema] = {
    "Problem": record(status=WHOLE, title=TEXT, detail=TEXT),
    "Saved": record(serial=WHOLE, detail=TEXT),
    "Done": {"type": "object"},
    "Serial": record(serial=WHOLE),
    "Project": record(
        index=TEXT,
        name=TEXT,
        display=TEXT,
        serial=WHOLE,
        status=TEXT,
        status_reason=TEXT,
        organisation=maybe(TEXT),
        roles=many(record(user=TEXT, role=ROLE)),
        files=many(record(**_FILE, requires_python=TEXT)),
    ),
    "Projects": page(index=TEXT, name=TEXT, display=TEXT, status=TEXT, role=ROLE, serial=WHOLE),
    "Releases": page(version=TEXT, created=TIME, yanked=FLAG, yanked_reason=TEXT, files=WHOLE, size=WHOLE),
    "Files": page(**_FILE),
    "Events": page(
        id=WHOLE,
        at=TIME,
        serial=maybe(WHOLE),
        actor=TEXT,
        token=maybe(TEXT),
        action=TEXT,
        subject=TEXT,
        detail={"type": "object"},
    ),
    "People": record(
        organisation=TEXT,
        people=many(record(user=TEXT, role=ROLE, own=FLAG)),
        invitations=many(_INVITATION),
        offers=many(_OFFER),
    ),
    "Publisher": _PUBLISHER,
    "Publishers": record(publishers=many(_PUBLISHER)),
    "Promotion": {
        "type": "object",
        "required": ["project", "version", "from", "to", "dry_run", "existing", "serial", "files"],
        "properties": {
            "project": TEXT,
            "version": TEXT,
            "from": TEXT,
            "to": TEXT,
            "dry_run": FLAG,
            "existing": FLAG,
            "serial": WHOLE,
            "files": many(record(filename=TEXT, sha256=TEXT, size=WHOLE, existing=FLAG)),
        },
    },
    "Retention": record(
        rule=maybe(_RULE),
        of_index=FLAG,
        would_delete=many(TEXT),
        kept=many(TEXT),
        bytes_max=maybe(WHOLE),
        bytes_used=WHOLE,
    ),
    "IndexRetention": record(rule=maybe(_RULE), bytes_max=maybe(WHOLE), bytes_used=WHOLE),
    "Session": record(
        **_SESSION,
        notices=many(TEXT),
        serial=WHOLE,
        files=many(record(filename=TEXT, size=WHOLE, sha256=TEXT, staged=TIME, status=TEXT)),
        links={"type": "object", "additionalProperties": TEXT},
    ),
    "Sessions": record(sessions=many(record(**_SESSION))),
    "StagedFile": record(filename=TEXT, existing=FLAG, notes=many(TEXT)),
    "PublishedRelease": record(
        dry_run=FLAG, serial=WHOLE, files=many(record(filename=TEXT, sha256=TEXT, size=WHOLE, existing=FLAG))
    ),
    "Webhooks": record(webhooks=many(_WEBHOOK)),
    "NewWebhook": record(id=WHOLE, secret=TEXT),
    "Invited": record(id=WHOLE, expires=TIME, secret=maybe(TEXT)),
    "Invitations": record(invitations=many(_INVITATION)),
    "Offered": record(id=WHOLE, taken=FLAG, serial=WHOLE),
    "Offers": record(offers=many(_OFFER)),
    "Organisations": record(organisations=many(record(name=TEXT, display=TEXT, place=maybe(PLACE)))),
    "Organisation": record(
        name=TEXT,
        display=TEXT,
        place=maybe(PLACE),
        members=many(record(user=TEXT, place=PLACE)),
        teams=many(record(name=TEXT, members=many(TEXT), projects=many(record(project=TEXT, role=ROLE)))),
        projects=many(TEXT),
        invitations=many(_INVITATION),
        robots=many(record(user=TEXT, enabled=FLAG, tokens=WHOLE)),
    ),
    "Robot": record(user=TEXT),
    "Reported": record(id=WHOLE, quarantined=FLAG, serial=WHOLE),
    "Reports": record(
        items=many(
            record(
                id=WHOLE,
                index=TEXT,
                name=TEXT,
                status=TEXT,
                kind=TEXT,
                text=TEXT,
                reporter=TEXT,
                trusted=FLAG,
                created=TIME,
            )
        ),
        next=maybe(TEXT),
        waiting=WHOLE,
        oldest_seconds=WHOLE,
    ),
    "Bans": record(
        bans=many(record(network=TEXT, reason=TEXT, until=maybe(TIME), by=TEXT, at=TIME)),
        prohibited=many(record(index=TEXT, pattern=TEXT, reason=TEXT, by=TEXT, at=TIME)),
    ),
    "Switch": _SWITCH,
    "Switches": record(switches=many(_SWITCH)),
    "Policy": record(
        denials=many(record(index=TEXT, what=TEXT, reason=TEXT, by=TEXT, at=TIME)),
        passes=many(record(index=TEXT, name=TEXT, version=TEXT, until=TIME, reason=TEXT, by=TEXT, at=TIME)),
    ),
    "Reloaded": record(changed=many(TEXT), waiting=many(TEXT)),
    "Decisions": record(changes=many(record(serial=WHOLE, at=maybe(TIME), by=TEXT, what=TEXT))),
    "Grants": record(
        grants=many(record(right={"enum": ["read", "create"]}, user=maybe(TEXT), organisation=maybe(TEXT)))
    ),
    "Tokens": record(
        tokens=many(
            record(
                id=TEXT,
                name=TEXT,
                user=TEXT,
                read=many(TEXT),
                upload=many(TEXT),
                projects=many(TEXT),
                actions=many(TEXT),
                create_projects=FLAG,
                admin=FLAG,
                own=FLAG,
                created=TIME,
                expires=maybe(TIME),
                revoked=maybe(TIME),
                last_used=maybe(TIME),
            )
        )
    ),
    "SignInSessions": record(
        sign_in_sessions=many(
            record(id=TEXT, browser=TEXT, agent=TEXT, address=TEXT, begun=maybe(TIME), seen=TIME, current=FLAG)
        )
    ),
    "Ended": record(ended=WHOLE),
    "NewToken": record(id=TEXT, token=TEXT, serial=WHOLE),
    "Received": record(received=WHOLE),
    "Description": {"type": "object", "required": ["openapi", "info", "paths"]},
}
