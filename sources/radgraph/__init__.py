"""RadGraph."""
