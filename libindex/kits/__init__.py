"""Drum kits: layouts, which sample goes on which pad, and the formats that samplers load."""
