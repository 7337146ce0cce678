"""Who is benched, and the run through mteb: every model on every task, what is kept of it and found again, mteb's own files."""
