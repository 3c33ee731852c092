"""`--check`: what this machine would run, and what to do if that would not work."""
