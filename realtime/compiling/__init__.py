"""Engines built ahead."""
