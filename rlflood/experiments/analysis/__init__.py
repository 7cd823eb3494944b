"""What results come to: statistics over seeds and tasks. Nothing here trains, reads a file or draws."""
