"""What each API refuses, from its documentation and its errors, written without a look at what we send."""
