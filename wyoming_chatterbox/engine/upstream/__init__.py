"""The parts of chatterbox-tts that are used, imported without the rest."""
