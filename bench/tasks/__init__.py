"""The kinds of task: a module each with the same parts in the same order (`kind.py`), one row each in `table.py`, and what they share."""
