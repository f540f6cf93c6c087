"""The window: what of a session the model sees. Pure code, no I/O."""
