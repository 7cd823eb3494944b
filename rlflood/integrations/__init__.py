"""Flood schedulers in other people's training loops: one framework a file, each an extra of its own."""
