"""Accepting the clients of both ports: who has a place, who makes room, how many files may be open."""
