"""Test items that a reference saw in training: what it was trained on, which items those are, and a task without them."""
