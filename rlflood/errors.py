"""The one exception for input that a person can put right."""


class InputError(ValueError):
    """Something that the person gave is wrong: a file, a name, a column, a size.

    The text says what is wrong and what to do about it. The command line prints it as one message and
    exits with status 2; a library user may catch it as a ``ValueError``.
    """
