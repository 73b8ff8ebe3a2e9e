"""Segments by criteria, with their history."""
