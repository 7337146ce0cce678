"""What was computed once and can be computed again: vectors on disk, and files under a size. Importing this package loads nothing heavy."""

from .files import DEFAULT_BYTES, CacheFiles, describe_size, open_cache_files, parse_size

__all__ = ["DEFAULT_BYTES", "CacheFiles", "describe_size", "open_cache_files", "parse_size"]
