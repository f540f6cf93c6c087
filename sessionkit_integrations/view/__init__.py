"""Sessions to look at: in a notebook, in a terminal, or as data."""
