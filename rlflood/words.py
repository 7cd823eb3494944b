"""Numbers and names within sentences."""

from collections.abc import Sized


def counted(number: int | Sized, what: str, several: str | None = None) -> str:
    """The number and the word, in the plural unless it is one: ``1 run``, ``0 runs``, ``11 runs``.

    Args:
        number: How many, or what to count.
        what: The word for one of them.
        several: The word for several, if it is not that with an s.
    """
    count = len(number) if isinstance(number, Sized) else number
    return f"{count} {what if count == 1 else several or f'{what}s'}"


def capitalised(sentence: str) -> str:
    """The sentence with its first letter in upper case and all others, those of names too, as they are."""
    return sentence[:1].upper() + sentence[1:]


def percent(share: float, *, signed: bool = False, digits: int = 1) -> str:
    """A share from 0 to 1, or a difference of two, in percent; what is rounded to 0 has no sign."""
    text = f"{100 * share:{'+' if signed else ''}.{digits}f}"
    return text if float(text) else text.lstrip("+-")
