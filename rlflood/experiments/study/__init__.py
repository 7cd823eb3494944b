"""Studies: their file, their folder, what of them is missing, and doing it."""
