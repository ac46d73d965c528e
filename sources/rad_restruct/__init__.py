"""Rad-ReStruct."""
