"""How long releases are kept without anybody asking, and how much an index or a project may hold."""
