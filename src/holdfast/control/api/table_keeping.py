"""The part of the API's table for what happens without anybody asking: retention, quotas, webhooks.

table.py puts the parts together.
"""

from holdfast.control import rights
from holdfast.control.api import retention, webhooks
from holdfast.control.api.describe import PROJECT, RELEASE, Address, Field, Route
from holdfast.control.hooks.queueing import EVENTS

BOUNDS = (
    Field("newest", "whole", "Keep so many of the newest releases.", 10),
    Field("days", "whole", "Keep releases younger than so many days.", 90),
)
BYTES_MAX = Field("bytes_max", "whole", "Bytes of listed files.", 10 * 1024**3, required=True)

HOOK = (
    Field("url", "text", "Where to post to: https, a public address.", "https://ci.example/hook", required=True),
    Field("events", "texts", f"Which events: {', '.join(EVENTS)}.", ["publish"]),
)

RETENTION = (
    Address(
        PROJECT + "/retention",
        "retention",
        {
            "GET": Route(retention.show, rights.SEE_RETENTION, "Retention"),
            "PUT": Route(retention.set_rule, rights.SET_RETENTION, fields=BOUNDS),
            "DELETE": Route(retention.unset_rule, rights.SET_RETENTION),
        },
    ),
    Address(
        PROJECT + "/quota",
        "retention",
        {
            "PUT": Route(retention.set_quota, rights.SET_QUOTA, fields=(BYTES_MAX,)),
            "DELETE": Route(retention.unset_quota, rights.SET_QUOTA),
        },
    ),
    Address(
        RELEASE + "/keep",
        "retention",
        {
            "PUT": Route(retention.keep, rights.SET_RETENTION),
            "DELETE": Route(retention.unkeep, rights.SET_RETENTION),
        },
    ),
    Address(
        "indexes/<slug:index>/retention",
        "retention",
        {
            "GET": Route(retention.show_index, rights.SET_QUOTA, "IndexRetention"),
            "PUT": Route(retention.set_index_rule, rights.ADMINISTER, fields=BOUNDS),
            "DELETE": Route(retention.unset_index_rule, rights.ADMINISTER),
        },
    ),
    Address(
        "indexes/<slug:index>/quota",
        "retention",
        {
            "PUT": Route(retention.set_index_quota, rights.SET_QUOTA, fields=(BYTES_MAX,)),
            "DELETE": Route(retention.unset_index_quota, rights.SET_QUOTA),
        },
    ),
)

WEBHOOKS = (
    Address(
        PROJECT + "/webhooks",
        "webhooks",
        {
            "GET": Route(webhooks.list_of_project, rights.MANAGE_WEBHOOKS, "Webhooks"),
            "POST": Route(webhooks.make_for_project, rights.MANAGE_WEBHOOKS, "NewWebhook", HOOK, status=201),
        },
    ),
    Address(
        PROJECT + "/webhooks/<int:webhook>",
        "webhooks",
        {"DELETE": Route(webhooks.end_of_project, rights.MANAGE_WEBHOOKS)},
    ),
    Address(
        "indexes/<slug:index>/webhooks",
        "webhooks",
        {
            "GET": Route(webhooks.list_of_index, rights.MANAGE_ALL_WEBHOOKS, "Webhooks"),
            "POST": Route(webhooks.make_for_index, rights.MANAGE_ALL_WEBHOOKS, "NewWebhook", HOOK, status=201),
        },
    ),
    Address(
        "indexes/<slug:index>/webhooks/<int:webhook>",
        "webhooks",
        {"DELETE": Route(webhooks.end_of_index, rights.MANAGE_ALL_WEBHOOKS)},
    ),
    Address(
        "webhooks",
        "webhooks",
        {
            "GET": Route(webhooks.list_of_all, rights.MANAGE_ALL_WEBHOOKS, "Webhooks"),
            "POST": Route(webhooks.make_for_all, rights.MANAGE_ALL_WEBHOOKS, "NewWebhook", HOOK, status=201),
        },
    ),
    Address(
        "webhooks/<int:webhook>",
        "webhooks",
        {"DELETE": Route(webhooks.end_of_all, rights.MANAGE_ALL_WEBHOOKS)},
    ),
)
