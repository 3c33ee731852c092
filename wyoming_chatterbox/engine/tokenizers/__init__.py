"""Text -> text tokens."""
