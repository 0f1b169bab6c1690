"""Tables of any format: recognised from their head, read in batches, written."""
