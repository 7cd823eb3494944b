"""Training runs: what they share, what they leave behind, how one of several is picked."""
