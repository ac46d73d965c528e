"""CANDID-PTX."""
