"""Loaders of the public releases, one folder a source."""
