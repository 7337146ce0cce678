"""Numbers of things, and sizes, as they are written."""


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


def format_size(size_bytes: int) -> str:
    """Return a number of bytes as a person reads it: `812 B`, `1.4 MB`."""
    if size_bytes < 1000:
        return f"{size_bytes} B"
    size, units = size_bytes / 1000, ["kB", "MB", "GB"]
    while size >= 999.95 and len(units) > 1:
        size, units = size / 1000, units[1:]
    return f"{size:.1f} {units[0]}"
