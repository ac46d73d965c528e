"""CheXpert and CheXpert Plus."""
