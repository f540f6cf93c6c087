"""Every third of the real conversations, and fewer in other windows, at every call of the model, by each SDK."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from sessionkit_integrations import SessionManager
from tests.conversations import real_conversations

if TYPE_CHECKING:
    from tests.providers.clients import Provider
    from tests.providers.server import ProviderServer


WINDOW = 3
CALLS = {1: 67, WINDOW: 242, 10: 67}


@pytest.mark.parametrize("turns", CALLS)
def test_no_prompt_is_refused(provider: Provider, api: ProviderServer, turns: int) -> None:
    before = api.taken
    conversations = real_conversations()[:: 3 if turns == WINDOW else 10]
    with SessionManager(turns) as sessions:
        for number, conversation in enumerate(conversations):
            session_id = f"conversation-{number}"
            for message in conversation:
                if message["role"] == "assistant":
                    response = provider.ask("text", provider.request(sessions.get_session(session_id)))
                    assert provider.message(response)["content"] == "It is sunny."
                sessions.send_message(session_id, message)  # type: ignore[arg-type]
    assert api.taken - before == CALLS[turns]
