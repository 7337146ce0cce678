"""The whole corpus in training: its stored vectors, which rows of it answer which query, and what the base finds in it."""
