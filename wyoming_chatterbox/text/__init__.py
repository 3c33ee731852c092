"""Splits written text, as it arrives, into sentences that can be spoken."""
