"""The published tree: what an installer needs, as immutable objects and an append-only journal in a store."""
