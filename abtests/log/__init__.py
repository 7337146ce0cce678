"""The log of an A/B test on disk: lines added whole or not at all, files by UTC day, repaired, kept for so many days, and forgotten by user."""
