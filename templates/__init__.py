"""Instruction templates, one YAML file a task."""
