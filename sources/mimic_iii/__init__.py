"""MIMIC-III, radiology notes of the chest."""
