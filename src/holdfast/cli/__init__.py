"""The `holdfast` command. One module per group of commands; main.py finds them by name and imports them when asked."""
