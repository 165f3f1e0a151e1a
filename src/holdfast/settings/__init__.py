"""The operator's settings: a table of what there is, how each is read, and the loader that makes one Config of them."""
