"""An adapter of the Hub -> a version of the registry: everything that can be wrong with it is found before it is registered."""
