"""A corpus as vectors on disk: computed once, mapped into memory, searched and trained against. Importing this package loads nothing heavy."""
