"""CXR-LT."""
