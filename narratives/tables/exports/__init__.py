"""Exports of other programs: each described in a TOML file here, recognised by the names of its columns."""
