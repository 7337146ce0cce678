"""What happened in each arm: answers as arrays, their outcomes, metrics by user and by segment."""
