"""Sinks for frames, one file each."""
