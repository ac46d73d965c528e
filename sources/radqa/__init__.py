"""RadQA."""
