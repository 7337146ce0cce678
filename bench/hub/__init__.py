"""MTEB's own tasks: found by name, benchmark or filter; loaded from the Hub or its cache; in the layout in which the bench reads tasks."""
