"""RSNA Pneumonia Detection Challenge."""
