"""A/B tests: who gets which arm, the log of what was answered and clicked, and the report; no torch, no server."""
