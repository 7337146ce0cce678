"""The tools that make training data better: each takes training data and gives training data and a report of what it did.

One package a tool; `report.py` is what they all give, `job.py` how a command runs one. A tool imports no other tool.
"""
