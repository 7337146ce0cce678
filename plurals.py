"""Numbers of things, as they are said."""


def count(number: int, noun: str) -> str:
    """Return a number with its noun in the singular or the plural: `1 pair`, `2 pairs`, `3 queries`."""
    return f"{number} {noun if number == 1 else plural(noun)}"


def plural(noun: str) -> str:
    """Return the plural of a regular noun."""
    if noun.endswith("y") and noun[-2:-1] not in "aeiou":
        return f"{noun[:-1]}ies"
    return f"{noun}es" if noun.endswith(("s", "x", "ch", "sh")) else f"{noun}s"


def singular(nouns: str) -> str:
    """Return the singular of a plural that `plural` makes by adding an s, or of a noun in -y: `query` of `queries`."""
    return f"{nouns[:-3]}y" if nouns.endswith("ies") else nouns.removesuffix("s")


def be(number: int) -> str:
    """Return the past of *be* after so many things."""
    return "was" if number == 1 else "were"
