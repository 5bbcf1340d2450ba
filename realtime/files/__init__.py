"""A clip or pictures from end to end."""
