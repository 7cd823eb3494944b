"""Networks for images, and any other module: one network at a time."""
