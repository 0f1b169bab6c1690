"""Defines the exceptions for mistakes that the user can correct; bugs keep their own exceptions and traceback."""


class UserError(Exception):
    """A mistake that the user can correct; its message is one sentence with place, cause and remedy. Exit status 2."""


class CheckError(UserError):
    """A check that the user asked for has failed. Exit status 1."""
