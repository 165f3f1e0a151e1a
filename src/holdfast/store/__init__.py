"""The object-store port and its adapters. A store holds bytes under keys; it knows nothing of projects."""
