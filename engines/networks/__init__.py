"""Definitions of the nets; beside each other they import torch alone."""
