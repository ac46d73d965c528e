"""VinDr-PCXR, also called PediCXR."""
