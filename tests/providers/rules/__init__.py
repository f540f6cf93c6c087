"""Each API's refusals, from its documentation and its errors, written without a look at our requests."""
