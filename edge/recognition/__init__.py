"""Recognition on the device: its own gallery, and what may be opened by it."""
