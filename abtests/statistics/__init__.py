"""Estimates and how far chance moves them: at one look, and at every look."""
