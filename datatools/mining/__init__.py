"""Hard negatives: passages that a query ranks high and that do not answer it."""
