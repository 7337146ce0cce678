"""One training over several processes: who they are, what they share, and how they are started and ended."""
