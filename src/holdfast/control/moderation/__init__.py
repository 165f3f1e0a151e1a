"""Reports of malware and spam, the queue they wait in, what is quarantined without a person, and what is prohibited."""
