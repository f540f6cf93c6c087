"""Shared by the adapters of the frameworks."""
