"""The parts of chatterbox-tts that are used, and importing no more than those."""
