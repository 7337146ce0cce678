"""The Hub's client: whether the Hub is in reach, and what lies in its caches. Importing this package loads nothing heavy."""
