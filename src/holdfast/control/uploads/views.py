"""The upload address: `/legacy/` of the default index and `/<index>/legacy/`, with and without the last slash."""

from django.http import HttpRequest, HttpResponse

from holdfast.config import DEFAULT_INDEX
from holdfast.control.http import client_of, method_not_allowed, parts_of, respond, spool_of
from holdfast.control.refusals import note_upload
from holdfast.control.uploads.answer import received, refused
from holdfast.control.uploads.hold import deadline_of
from holdfast.control.uploads.receive import DeadAction, Received, UploadRequest, receive
from holdfast.control.uploads.taking import Rejected
from holdfast.core.errors import Outcome


def upload(request: HttpRequest, index: str = DEFAULT_INDEX) -> HttpResponse:
    """Take a file by POST. The address is never redirected: tools lose the body, or the method, on the way."""
    if request.method != "POST":
        return method_not_allowed(request, "POST")
    accept = request.headers.get("Accept", "")[:1000]
    try:
        answer = received(_receive(request, index), accept)
    except (Rejected, DeadAction, Outcome) as error:
        answer = refused(error, accept)
        note_upload(answer.status, index, error)
    return respond(request, answer.status, answer.headers, answer.body)


upload.routes = {"POST": upload}  # type: ignore[attr-defined]  # for the rights matrix, like those of the API


def _receive(request: HttpRequest, index: str) -> Received:
    parts = parts_of(request)
    body_end = request.headers.get("X-Holdfast-Body-End", "")
    return receive(
        parts,
        UploadRequest(
            index=index,
            authorization=request.headers.get("Authorization"),
            query={key: values[0] for key, values in request.GET.lists()},
            content_type=request.headers.get("Content-Type", ""),
            spool=spool_of(request),
            client=client_of(request),
            deadline=deadline_of(body_end, parts.config.hold_seconds, parts.clock),
        ),
    )
