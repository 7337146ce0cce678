"""The frozen part of a network in training: its hidden states of all texts, computed once and kept on disk, so that steps begin above it."""
