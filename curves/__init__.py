"""Curves of training: loss, rate and scores of runs that are finished, interrupted or under way, as one page."""
