"""How a painting of a small copy is joined with the full picture."""
