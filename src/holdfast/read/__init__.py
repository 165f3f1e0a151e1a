"""The read plane: answers installers from the published tree alone. No Django, no database, no upstream I/O."""
