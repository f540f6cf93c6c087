"""Stores: where sessions are kept. The public ones are names of the package itself."""
