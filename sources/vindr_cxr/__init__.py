"""VinDr-CXR."""
