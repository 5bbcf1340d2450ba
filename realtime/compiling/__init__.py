"""Engines built ahead, and what is kept of them."""
