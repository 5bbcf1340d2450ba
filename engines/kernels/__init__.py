"""Kernels of our own for GPUs, each with the same arithmetic in torch's operations, which say what it has to return."""
