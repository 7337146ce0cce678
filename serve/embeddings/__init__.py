"""The routes of embeddings in two wire formats: OpenAI's, and text-embeddings-inference's."""
