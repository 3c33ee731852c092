"""A recording -> what T3 and the flow need to speak in its voice."""
