"""Side-by-side measurements: `make bench`. Every figure that matters is a ratio within one run on one machine."""
