"""The part of the API's table for organisations and teams. table.py puts the parts together."""

from holdfast.control import rights
from holdfast.control.api import organisations
from holdfast.control.api.describe import ROLE, TO, Address, Field, Route

ORGANISATION = "organisations/<slug:organisation>"
TEAM = ORGANISATION + "/teams/<slug:team>"

PLACE = Field("place", "text", "The place.", "member", choices=("owner", "manager", "member"))

ORGANISATIONS = (
    Address(
        "organisations",
        "organisations",
        {
            "GET": Route(organisations.list_organisations, rights.LIST_MINE, "Organisations"),
            "POST": Route(
                organisations.create,
                rights.CREATE_ORGANISATION,
                fields=(
                    Field("name", "text", "Lower-case letters, digits, hyphens; kept for ever.", "acme", required=True),
                    Field("display", "text", "What it is called.", "Acme"),
                ),
                status=201,
            ),
        },
    ),
    Address(
        ORGANISATION,
        "organisations",
        {
            "GET": Route(organisations.show, rights.READ_ORGANISATION, "Organisation"),
            "DELETE": Route(organisations.delete, rights.DELETE_ORGANISATION, changes=True),
        },
    ),
    Address(
        ORGANISATION + "/invitations",
        "organisations",
        {"POST": Route(organisations.invite, rights.INVITE_MEMBER, "Invited", (TO, PLACE), status=201)},
    ),
    Address(
        ORGANISATION + "/leave",
        "organisations",
        {"POST": Route(organisations.leave, rights.LEAVE_ORGANISATION, changes=True)},
    ),
    Address(
        ORGANISATION + "/members/<str:user>",
        "organisations",
        {
            "PUT": Route(organisations.set_member, rights.SET_PLACE, fields=(PLACE,)),
            "DELETE": Route(organisations.remove_member, rights.REMOVE_MEMBER, changes=True),
        },
    ),
    Address(
        ORGANISATION + "/robots",
        "organisations",
        {
            "POST": Route(
                organisations.create_robot,
                rights.MANAGE_ROBOT,
                "Robot",
                (Field("name", "text", "What follows the organisation's name and a hyphen.", "ci", required=True),),
                status=201,
            ),
        },
    ),
    Address(
        ORGANISATION + "/robots/<str:user>",
        "organisations",
        {
            "PUT": Route(organisations.enable_robot, rights.MANAGE_ROBOT),
            "DELETE": Route(organisations.disable_robot, rights.MANAGE_ROBOT),
        },
    ),
    Address(
        TEAM,
        "organisations",
        {
            "PUT": Route(organisations.create_team, rights.MANAGE_TEAM, status=201),
            "DELETE": Route(organisations.delete_team, rights.MANAGE_TEAM),
        },
    ),
    Address(
        TEAM + "/members/<str:user>",
        "organisations",
        {
            "PUT": Route(organisations.add_to_team, rights.MANAGE_TEAM),
            "DELETE": Route(organisations.remove_from_team, rights.MANAGE_TEAM),
        },
    ),
    Address(
        TEAM + "/projects/<slug:index>/<str:name>",
        "organisations",
        {
            "PUT": Route(organisations.set_team_role, rights.SET_TEAM_ROLE, fields=(ROLE,)),
            "DELETE": Route(organisations.remove_team_role, rights.SET_TEAM_ROLE),
        },
    ),
)
