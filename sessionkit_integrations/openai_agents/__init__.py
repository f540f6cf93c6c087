"""Sessions in the OpenAI Agents SDK."""

from __future__ import annotations

from sessionkit_integrations.openai_agents.session import SessionKitSession

__all__ = ["SessionKitSession"]
