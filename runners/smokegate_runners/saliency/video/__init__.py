"""From a file to frames: one source, opened once, decoded in the order in which it is shown."""
