"""Serving Wyoming: listening, one connection, reading events, Describe, telling Home Assistant where the server is."""
