"""Speech tokens -> mel -> wave, in blocks, with the watermark."""
