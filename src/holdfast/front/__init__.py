"""Drivers around the read plane (RSGI, ASGI), the forwarder to control with its spool, and the supervisor."""
