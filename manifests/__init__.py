"""Recipes of a corpus."""
