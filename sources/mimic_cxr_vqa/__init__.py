"""MIMIC-CXR-VQA: composed questions on pictures of MIMIC-CXR."""
