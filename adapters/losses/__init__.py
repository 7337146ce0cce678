"""The losses: one table, and a file each."""
