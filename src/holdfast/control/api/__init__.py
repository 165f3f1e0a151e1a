"""The management API: thin JSON views over the actions."""
