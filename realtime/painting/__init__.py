"""The one place where a frame meets an engine."""
