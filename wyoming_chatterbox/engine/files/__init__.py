"""The model's files: what each family has, where they lie, and getting them."""
