"""`python -m wyoming_chatterbox.bench`: ours beside stock chatterbox-tts."""
