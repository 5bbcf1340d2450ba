"""Pixels of one colour space in another."""
