"""The report of an experiment: what is asked for, how it is made, and how it looks as a page."""
