"""The names of the methods, for options and refusals: importing them loads no method."""

METHOD_NAMES = (
    "synonyms",
    "insertion",
    "deletion",
    "swap",
    "typing-errors",
    "inverse-cloze",
    "back-translation",
    "llm",
)
"""The rows of `METHODS`, in their order, which a test compares."""
