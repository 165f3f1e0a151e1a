"""Publishing sessions: releases that are staged file by file and published all at once (the model of PEP 694)."""
