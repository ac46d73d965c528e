"""Medical-Diff-VQA: questions on studies of MIMIC-CXR, and on what changed between two."""
