"""Measurements of speed; each figure in docs/speed.md comes from a command here."""
