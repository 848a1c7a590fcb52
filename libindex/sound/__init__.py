"""From bytes to a mono signal, its facts and its mel spectrogram."""
