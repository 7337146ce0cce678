"""Teacher scores: how well each positive and negative answers its query, by a cross-encoder or a reference."""
