"""Search: what a query asks for, how turns are ranked, and what of them matched; pure."""
