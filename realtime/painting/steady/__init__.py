"""Paintings held still where their frames are: what `--steady` does."""
