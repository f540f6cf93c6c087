"""The 50 real conversations, at every call of the model, through each provider's SDK."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from sessionkit_integrations import SessionManager
from tests.conversations import real_conversations

if TYPE_CHECKING:
    from tests.providers.clients import Provider
    from tests.providers.server import ProviderServer


@pytest.mark.parametrize("turns", [1, 3, 10])
def test_no_prompt_is_refused(provider: Provider, api: ProviderServer, turns: int) -> None:
    before = api.taken
    with SessionManager(turns) as sessions:
        for number, conversation in enumerate(real_conversations()):
            session_id = f"conversation-{number}"
            for message in conversation:
                if message["role"] == "assistant":
                    response = provider.ask("text", provider.request(sessions.get_session(session_id)))
                    assert provider.message(response)["content"] == "It is sunny."
                sessions.send_message(session_id, message)  # type: ignore[arg-type]
    assert api.taken - before == 642
