"""From the log of a shop's search and its catalogue to training pairs: position bias estimated and corrected, nobody's data in the output."""
