"""Owns the exceptions for what the user can mend; bugs keep their own exceptions and their traceback."""


class UserError(Exception):
    """Something the user can mend: one sentence that says what was found and the way out. Exit status 2."""


class CheckError(UserError):
    """A check that the user asked for did not hold. Exit status 1."""
