"""Measurements of speed; each figure in docs/results/speed.md comes from a command here."""
