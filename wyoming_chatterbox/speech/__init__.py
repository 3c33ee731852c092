"""Speaking a text: replies, the workers that own the engines, the engines' lifecycle."""
