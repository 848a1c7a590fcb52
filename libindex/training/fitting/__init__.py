"""Fitting a network to sounds, and calibrating it."""
