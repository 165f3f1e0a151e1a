"""Kill switches: what operators stopped, as control follows it, and how they stop and allow it again."""
