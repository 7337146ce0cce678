"""An experiment while it runs: its record, who gets which arm, lists interleaved and swapped, which events count."""
