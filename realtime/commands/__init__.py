"""The commands of `impasto`: each parses, calls and prints; what they call is imported when they run."""
