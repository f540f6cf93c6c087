"""A run costs one read and one write a step of the model, however long the conversation is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from agents import Runner

from sessionkit_integrations import SessionManager
from sessionkit_integrations.openai_agents import SessionKitSession
from tests.langchain.test_costs import Commands
from tests.openai_agents.model import Scripted, agent, calls, says

if TYPE_CHECKING:
    from tests.backends import Backends
    from tests.servers import Server


async def test_a_run_is_one_read_and_a_write_for_the_question_and_for_each_step(
    backends: Backends, redis_server: Server
) -> None:
    script: list[Any] = [[calls("1"), calls("2")], [says("two cats")]]
    with SessionManager(3, backends.maker("redis-8.2")()) as sessions:
        session = SessionKitSession("s", sessions)
        await Runner.run(agent(Scripted(*script)), "What is there?", session=session)  # loads the scripts
        for number in range(10):
            sessions.add_user_message("s", str(number))
        commands = Commands(redis_server)
        await Runner.run(agent(Scripted(*script)), "And now?", session=session)
        assert commands.sent() == {"lrange": 1, "evalsha": 3}
        assert await session.pop_item() is not None
