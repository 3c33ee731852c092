"""Written text -> sentences fit for speech, on a stream."""
