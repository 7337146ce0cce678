"""The kinds of task, a module each with the same parts in the same order, and `table.py`, which lists them."""
