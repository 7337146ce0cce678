"""Local data as mteb tasks, one kind a module: nothing is asked of the Hub, and a task's revision is the hash of its content."""
