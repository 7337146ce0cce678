"""A base and its adapter as one model that anything can load: for sentence-transformers, and for ONNX."""
