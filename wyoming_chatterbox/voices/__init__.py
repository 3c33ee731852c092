"""The voices folder: looking at it, its recordings, and the voices that a request can name."""
