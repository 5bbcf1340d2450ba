"""What a person changes while a live picture plays, and the ways to ask for it."""
