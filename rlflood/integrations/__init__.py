"""Other people's libraries, their training loops above all: one a file, each an extra of its own."""
