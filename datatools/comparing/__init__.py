"""Candidate bases side by side on one set of data: what they find, how quick and how large they are."""
