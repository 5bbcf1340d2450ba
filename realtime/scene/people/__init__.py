"""Who is in the scene."""
