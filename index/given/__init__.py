"""Vectors that somebody else computed: read from the files that people have, checked, and held against the texts that they are said to be of."""
