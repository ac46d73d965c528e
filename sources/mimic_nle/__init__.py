"""MIMIC-NLE."""
