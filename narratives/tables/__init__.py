"""Reads tables of any format in batches, and writes them."""
