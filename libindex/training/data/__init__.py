"""Labelled sounds, what is drawn of them, and how they are varied."""
