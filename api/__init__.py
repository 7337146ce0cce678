"""What a Python program calls: each function is one job of the commands, and gives an `Adapter`. Its names stand in the root package.

Importing a module of this package loads neither torch nor click.
"""
