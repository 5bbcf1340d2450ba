"""A live picture: captured, painted and handed to every sink while it plays."""
