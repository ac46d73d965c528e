"""Object-CXR."""
