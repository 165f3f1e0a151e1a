"""Does a reStructuredText description render? A program of its own: text on standard input, JSON on standard output.

docutils has no bounds of its own, and an upload's text is a stranger's. So this process holds itself to limits before
it loads anything that reads the text, and dies by them instead of the process that started it.
"""

import io
import json
import os
import resource
import sys

CPU_SECONDS_MAX = 4  # what the pages allow themselves; loading takes half a second of them
MEMORY_BYTES_MAX = 768 * 1024 * 1024  # of address space; it starts with about 80 MB
TOLD_CHARS_MAX = 500


def main() -> None:
    """Answer `{"rendered": bool, "why": "line 2: ..."}`."""
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_SECONDS_MAX, CPU_SECONDS_MAX))
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES_MAX, MEMORY_BYTES_MAX))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    text = sys.stdin.buffer.read().decode("utf-8", "replace")
    from readme_renderer import rst

    said = io.StringIO()
    rendered = rst.render(text, stream=said) is not None
    json.dump({"rendered": rendered, "why": said.getvalue()[:TOLD_CHARS_MAX]}, sys.stdout)
    sys.stdout.flush()
    os._exit(0)  # nothing is left to tidy up, and a thousand docutils nodes take a while


if __name__ == "__main__":
    main()
