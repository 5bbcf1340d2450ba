"""Families of networks, each in one place, and what all their graphs are made with."""
