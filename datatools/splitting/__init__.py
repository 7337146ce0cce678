"""Pairs -> train, dev and test, so that what is scored was not trained on."""
