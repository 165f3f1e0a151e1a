"""What people see with a browser: the read plane's pages, the same for everybody, from the published tree alone."""
