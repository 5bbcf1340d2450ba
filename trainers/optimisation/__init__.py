"""What one picture by optimisation needs: its loss, its scales, its tiles, and its saved state."""
