"""Rules that recognise one kind of written form each, in any language, and say it in words."""
