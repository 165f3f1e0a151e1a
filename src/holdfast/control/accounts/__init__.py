"""People, their tokens, and the audit trail of who did what."""
