"""What of the network is trained: one table, and a file each."""
