"""The rows of the benchmark's tables."""
