"""Engines: style files, and what runs a net fast."""
