"""MS-CXR."""
