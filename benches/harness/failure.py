"""The measuring itself failed."""


class Failure(Exception):
    """With one message that says what is missing or wrong, and what to do."""
