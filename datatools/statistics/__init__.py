"""What data hold: lengths in a base's tokens, words that it breaks, clusters of queries and of the corpus, how hard the base finds it."""
