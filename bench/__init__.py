"""The bench: references scored side by side with their base, always through mteb. Importing this package loads nothing heavy."""
