"""Training data -> files."""
