"""A window and what is drawn for the person in front of it."""
