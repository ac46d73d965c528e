"""ROCO and ROCOv2."""
