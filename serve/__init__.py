"""Embeddings and search over HTTP, with an adapter per request. The extra `[serve]`; nothing else imports it."""
