"""Networks and their files: mel spectrograms in, probabilities and latents out."""
