"""A study's results as tidy tables for other programs."""
