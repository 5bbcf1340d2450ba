"""Realtime: what moves frames."""
