"""Tests of the OpenAI Agents SDK's sessions."""
