"""One module per format that a table may have."""
