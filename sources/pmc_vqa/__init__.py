"""PMC-VQA."""
