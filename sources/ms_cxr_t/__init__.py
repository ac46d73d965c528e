"""MS-CXR-T."""
