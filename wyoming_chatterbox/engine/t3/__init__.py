"""Text tokens -> speech tokens."""
