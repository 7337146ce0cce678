"""Names and what they mean now, adapters in memory, and the one thread that runs networks."""
