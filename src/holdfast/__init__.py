"""Holdfast: a self-hosted Python package index whose installs keep working while the rest of it is broken."""

__version__ = "0.1.0.dev0"
