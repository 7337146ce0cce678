"""MTEB's own tasks: found by name, benchmark or filter; loaded from the Hub or its cache; laid out as the bench reads tasks."""
