"""RadNLI."""
