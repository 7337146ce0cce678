"""adapt: small LoRA adapters for a frozen text-embedding base. The public API is the subpackages."""

__version__ = "0.1.0"
