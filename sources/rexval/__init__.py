"""ReXVal."""
