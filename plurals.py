"""Numbers of things, as they are said."""


def count(number: int, noun: str) -> str:
    """Return a number with its noun in the singular or the plural: `1 pair`, `2 pairs`, `3 queries`."""
    return f"{number} {noun if number == 1 else plural(noun)}"


def plural(noun: str) -> str:
    """Return the plural of a regular noun."""
    if noun.endswith("y") and noun[-2:-1] not in "aeiou":
        return f"{noun[:-1]}ies"
    return f"{noun}es" if noun.endswith(("s", "x", "ch", "sh")) else f"{noun}s"
