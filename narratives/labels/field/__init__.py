"""Readings of real text that is not the project's: who read which paragraph of which collection, and what they saw."""
