"""Projects, releases and files: the rows behind the published tree, and every action that changes them."""
