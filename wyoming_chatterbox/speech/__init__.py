"""Who says a text, and when: replies, the workers that own the engines, their lifecycle."""
