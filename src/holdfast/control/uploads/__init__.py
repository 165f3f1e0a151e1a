"""Uploads by the legacy protocol: form, checks, bytes to the store, rows to the database, in that order."""
