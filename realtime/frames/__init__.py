"""The nouns of the frame loops, and pure functions of time."""
