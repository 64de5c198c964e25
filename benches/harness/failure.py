"""Failures of the measurement itself."""


class Failure(Exception):
    """A failure, with one message that says what is missing or wrong, and what to do."""
