"""Backends: one file for each runtime that can execute a style file."""
