"""Pure values and rules of a package index: no I/O, nothing beyond the standard library and `packaging`."""
