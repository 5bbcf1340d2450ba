"""No engine is used that does not paint what the reference paints."""
