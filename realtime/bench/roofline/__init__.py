"""What the machine could reach."""
