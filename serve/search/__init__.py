"""Searches over an index, arms by user, and events, over HTTP and into the log."""
