"""The end of a run: style files and their cards."""
