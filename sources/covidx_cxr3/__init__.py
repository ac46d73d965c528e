"""COVIDx CXR-3, and the versions before and after it."""
