"""Whole conversations with tools, asked of the providers' own SDKs."""

from __future__ import annotations

import asyncio
import json
from itertools import permutations
from typing import TYPE_CHECKING, Any

import pytest

from sessionkit_integrations import SessionManager
from sessionkit_integrations.records.messages import check_message
from tests.providers import answers

if TYPE_CHECKING:
    from tests.providers.clients import Clients, Provider
    from tests.providers.server import ProviderServer

NAMES = ("openai", "anthropic", "gemini")
CITIES = [json.dumps(answers.LISBON), json.dumps(answers.PORTO)]


def converse(provider: Provider, sessions: SessionManager) -> None:
    """Ask, answer the calls, and ask again."""
    sessions.add_user_message("s", "How is the weather in Lisbon and Porto?")
    called = provider.message(provider.ask("tools", provider.request(sessions.get_session("s"))))
    assert [call["function"]["arguments"] for call in called["tool_calls"]] == CITIES
    sessions.send_message("s", called)
    for call in called["tool_calls"]:
        result: Any = {"role": "tool", "tool_call_id": call["id"], "name": "get_weather", "content": "sunny"}
        sessions.send_message("s", result)
    said = provider.message(provider.ask("text", provider.request(sessions.get_session("s"))))
    assert said["content"] == "It is sunny."
    sessions.send_message("s", said)


def test_a_conversation_with_tools(provider: Provider) -> None:
    with SessionManager(3) as sessions:
        sessions.set_system_message("s", "You know the weather.")
        for _ in range(4):
            converse(provider, sessions)
        roles = [message["role"] for message in sessions.get_session("s")]
    assert roles == ["system", *["user", "assistant", "tool", "tool", "assistant"] * 3]


@pytest.mark.parametrize("names", list(permutations(NAMES)))
def test_a_session_goes_from_one_provider_to_another(clients: Clients, names: tuple[str, ...]) -> None:
    with SessionManager(10) as sessions:
        for name in names:
            converse(clients.provider(name), sessions)
        for name in names:
            provider = clients.provider(name)
            provider.ask("text", provider.request(sessions.get_session("s")))


@pytest.mark.parametrize("names", list(permutations(NAMES, 2)))
def test_another_provider_answers_in_the_middle_of_a_turn(clients: Clients, names: tuple[str, ...]) -> None:
    first, second = map(clients.provider, names)
    with SessionManager() as sessions:
        sessions.add_user_message("s", "How is the weather?")
        sessions.send_message("s", first.message(first.ask("tools", first.request(sessions.get_session("s")))))
        second.ask("text", second.request(sessions.get_session("s")))


# Google's own SDK does it.
@pytest.mark.filterwarnings("ignore:Inheritance class AiohttpClientSession:DeprecationWarning")
def test_asynchronous_clients_take_the_same(provider: Provider) -> None:
    async def run() -> None:
        async with SessionManager() as sessions:
            await sessions.aadd_user_message("s", "Hello")
            for model in ("tools", "text"):
                response = await provider.aask(model, provider.request(await sessions.aget_session("s")))
                await sessions.asend_message("s", provider.message(response))

    asyncio.run(run())


@pytest.mark.parametrize(
    ("name", "models"), [("openai", answers.OPENAI), ("anthropic", answers.ANTHROPIC), ("gemini", answers.GEMINI)]
)
def test_every_answer_can_be_stored_and_sent_to_all(
    clients: Clients, api: ProviderServer, name: str, models: dict[str, Any]
) -> None:
    provider = clients.provider(name)
    nothing = {"filtered", "no-choices", "refusal", "limit", "safety", "blocked"}
    for model in models.keys() - (nothing if name != "openai" else nothing - {"refusal"}):
        with SessionManager() as sessions:
            sessions.add_user_message("s", "Hello")
            message = provider.message(provider.ask(model, provider.request(sessions.get_session("s"))))
            check_message(message)
            sessions.send_message("s", message)
            message.pop("usage", None)
            assert sessions.get_session("s")[-1] == message
            sessions.add_user_message("s", "Thanks")
            for other in NAMES:
                provider_of = clients.provider(other)
                taken = api.taken
                provider_of.ask("text", provider_of.request(sessions.get_session("s")))
                assert api.taken == taken + 1
