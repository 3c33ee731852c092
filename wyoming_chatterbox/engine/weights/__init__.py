"""Reading tensors from a file into a network."""
