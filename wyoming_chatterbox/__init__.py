"""A Wyoming text-to-speech server that speaks with Chatterbox."""

__version__ = "0.1.0"
