"""Sessions: read, written and edited on any store."""
