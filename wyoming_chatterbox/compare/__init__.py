"""`python -m wyoming_chatterbox.compare`: one text at several precisions."""
