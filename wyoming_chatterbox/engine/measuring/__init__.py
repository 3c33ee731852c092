"""Processes that `bench` and `compare` run: they import torch, which only `engine` may."""
