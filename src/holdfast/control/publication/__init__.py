"""From committed rows to the published tree: the counter, the outbox, the publisher and its upkeep."""
