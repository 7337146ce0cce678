"""Sharing: what a version looks like to others, and the ways in which it goes to them and comes from them."""
