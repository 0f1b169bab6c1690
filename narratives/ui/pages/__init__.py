"""The pages: each shows and calls, none computes."""
