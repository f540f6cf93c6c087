"""Records: messages as a store holds them. Pure code, no I/O."""
