"""One file per drill. Each has a docstring that a stranger understands, and `run(say)` that raises when it fails."""
