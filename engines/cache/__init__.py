"""Engines that were built, kept on disk."""
