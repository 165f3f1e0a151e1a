"""HTTP mechanics without packaging words: request and response values, client, coalescing, breaker, admission."""
