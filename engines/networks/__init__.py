"""Definitions of the nets; these modules import torch alone."""
