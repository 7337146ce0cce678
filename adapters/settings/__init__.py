"""The settings of training, in groups: each with its default, its check and its help. Importing them loads no torch."""
