"""A version as one tar file: written the same way each time, and taken in only when every byte of it has been checked."""
