"""Where somebody is signed in, over HTTP, and ending that."""

from typing import Any

from holdfast.control.accounts import sign_in_sessions
from holdfast.control.accounts.sign_in_sessions import SignInSession
from holdfast.control.api.call import Call, demand_user_name
from holdfast.control.uploads.hold import held
from holdfast.core.model import format_time


def list_own(call: Call) -> dict[str, Any]:
    """Where one is signed in with a browser, the one used last first."""
    found = held(
        lambda: sign_in_sessions.list_own_sessions(call.actor, call.parts.clock), call.parts.clock, call.deadline
    )
    return {"sign_in_sessions": [_document(one) for one in found]}


def end_own_others(call: Call) -> dict[str, int]:
    """End all of one's own sign-in sessions but the one that asks; a token is none, so it ends all."""
    publisher, actor = call.parts.publisher, call.actor
    return {"ended": sign_in_sessions.end_own_other_sessions(publisher, "", actor, deadline=call.deadline)}


def end_own(call: Call, session: str) -> dict[str, Any]:
    """End one of one's own sign-in sessions."""
    sign_in_sessions.end_own_session(call.parts.publisher, session, call.actor, deadline=call.deadline)
    return {}


def end_all_of(call: Call, user: str) -> dict[str, int]:
    """End all sign-in sessions of somebody; their tokens go on, and they may sign in again."""
    demand_user_name(user)
    publisher, actor = call.parts.publisher, call.actor
    return {"ended": sign_in_sessions.end_sessions_of(publisher, user, actor, deadline=call.deadline)}


def _document(one: SignInSession) -> dict[str, Any]:
    return {
        "id": one.id,
        "browser": one.browser,
        "agent": one.agent,
        "address": one.address,
        "begun": format_time(one.begun) if one.begun else None,
        "seen": format_time(one.seen),
        "current": one.current,
    }
