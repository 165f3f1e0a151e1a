"""Django's SQLite backend, held to the file it opened."""
