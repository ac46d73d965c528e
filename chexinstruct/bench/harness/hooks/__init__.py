"""Code that is copied into exports, where the harnesses load it."""
