"""Machinery that knows no session: steps, retries, resources, forks, redaction."""
