"""BRAX."""
