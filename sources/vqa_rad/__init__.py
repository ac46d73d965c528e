"""VQA-RAD."""
