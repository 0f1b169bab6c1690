"""Shows why a text gets a frame: its evidence, what would flip the decision, and a sheet with both."""
