"""Tensors from a file into a network."""
