"""Layers that hold their weights in fewer bits."""
