"""Publishing sessions in the table of the API (table.py): releases staged file by file and published all at once."""

from holdfast.control import rights
from holdfast.control.api import staging
from holdfast.control.api.describe import Address, Field, Route

SESSIONS_OF = "sessions/<slug:index>"
SESSION = SESSIONS_OF + "/<slug:session>"

_OVER = (409, "The session is over.")

SESSIONS = (
    Address(
        SESSIONS_OF,
        "sessions",
        {
            "GET": Route(staging.list_sessions, rights.UPLOAD_FILE, "Sessions"),
            "POST": Route(
                staging.open_session,
                rights.UPLOAD_FILE,
                "Session",
                (
                    Field("name", "text", "The project, in any spelling.", "demo", required=True),
                    Field("version", "text", "The release (PEP 440).", "1.1", required=True),
                ),
                status=201,
                more=((409, "A session for that release is open; Location says where."),),
            ),
        },
    ),
    Address(
        SESSION,
        "sessions",
        {
            "GET": Route(staging.show_session, rights.UPLOAD_FILE, "Session"),
            "DELETE": Route(
                staging.cancel_session, rights.UPLOAD_FILE, "Session", more=((409, "It was published already."),)
            ),
        },
    ),
    Address(
        SESSION + "/extend",
        "sessions",
        {
            "POST": Route(
                staging.extend_session,
                rights.UPLOAD_FILE,
                "Session",
                (Field("seconds", "whole", "How long it shall live from now.", 86_400, required=True),),
                more=(_OVER,),
            )
        },
    ),
    Address(
        SESSION + "/publish",
        "sessions",
        {
            "POST": Route(
                staging.publish_session,
                rights.UPLOAD_FILE,
                "PublishedRelease",
                (Field("dry_run", "flag", "Only say what would be done.", True),),
                changes=True,
                more=((409, "Nothing was published: `errors` names each file and why."),),
            )
        },
    ),
    Address(
        SESSION + "/files",
        "sessions",
        {
            "POST": Route(
                staging.stage_file,
                rights.UPLOAD_FILE,
                "StagedFile",
                form=True,
                more=((409, "The session is over, or has a file of that name."), (410, "The bytes were taken down.")),
            )
        },
    ),
    Address(
        SESSION + "/files/<str:filename>",
        "sessions",
        {"DELETE": Route(staging.unstage_file, rights.UPLOAD_FILE, more=(_OVER,))},
    ),
)
