"""From a style file to a running engine."""
