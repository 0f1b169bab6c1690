"""Brings labels in from, and out to, the formats of other tools."""
