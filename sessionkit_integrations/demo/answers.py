"""Answers of the offline model: a few rules, applied to nothing but the messages it is given.

It knows no more than its prompt. Ask it for something that left the window, and it does not know.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, NamedTuple

from sessionkit_integrations.demo.reading import quote
from sessionkit_integrations.records.recalled import EARLIER, NOTHING, TOOL

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from sessionkit_integrations.records.messages import Message


class _Fact(NamedTuple):
    """Something about a user: the pattern that tells of it, how the model repeats it, and how it summarises it."""

    pattern: str
    repeated: str
    summarised: str

    def told(self, text: str) -> Iterator[str]:
        """Yield each thing of this kind that a text tells."""
        return (found[1] for found in re.finditer(self.pattern, text, re.IGNORECASE))


_SKIES = ("sunny", "cloudy", "rainy", "windy")
_FACTS = (
    _Fact(r"\b(?:my|the user's) name is (\w+)", "your name is {}", "The user's name is {}."),
    _Fact(r"\b(?:I|they) live in (\w+)", "you live in {}", "They live in {}."),
    _Fact(r"\b(?:I'm|I am|they are) allergic to (\w+)", "you are allergic to {}", "They are allergic to {}."),
    _Fact(r"\b(?:I|they) love ([\w ]+)", "you love {}", "They love {}."),
)
_ARGUMENTS = {TOOL: "query", "get_weather": "city"}
_TO_SUMMARISE = re.compile(r"<(?:summary|conversation)-[0-9a-f]{12}>\n")
_RECALLED = re.compile(r"^user:\n +(.*)$", re.MULTILINE)
_WEATHER = re.compile(r"\bweather\b.*\bin (\w+)", re.IGNORECASE)
_ABOUT = re.compile(r"\bwhat did I (?:say|tell \w+) about (\w+)", re.IGNORECASE)
_KNOWN = re.compile(r"\bwhat do you (?:know|remember) about me\b", re.IGNORECASE)


def answer(messages: Sequence[Message], *, recalls: bool = False) -> Message:
    """Return the assistant's next message: a reply, or a call of a tool.

    Args:
        messages: The prompt.
        recalls: Whether there is a tool that recalls earlier turns, beside ``get_weather``.
    """
    last = messages[-1]
    question = _text(last)
    if last["role"] == "tool":
        return _say(_recollection(question) if question.startswith((EARLIER, NOTHING)) else _weather_sentence(question))
    if _TO_SUMMARISE.match(question):
        return _say(_summary(question))
    return _reply(messages, question, recalls=recalls)


def get_weather(city: str) -> str:
    """Return tomorrow's weather in a city, as JSON: invented, but always the same for the same city."""
    number = sum(city.lower().encode())
    return json.dumps({"city": city, "sky": _SKIES[number % len(_SKIES)], "degrees": 12 + number % 15})


def _reply(messages: Sequence[Message], question: str, *, recalls: bool) -> Message:
    if _KNOWN.search(question):
        facts = list(_facts(messages))
        return _say(f"I see that {_list(facts)}." if facts else "Nothing that you told me is in my window.")
    if about := _ABOUT.search(question):
        said = [text for text in _earlier_user_texts(messages) if about[1].lower() in text.lower()]
        if not said and recalls:
            return _call(TOOL, about[1], len(messages))
        return _say(f"You said: “{said[-1]}”" if said else f"I see nothing about {about[1]} in my window.")
    if place := _WEATHER.search(question):
        known = _known_weather(messages, place[1])
        return _say(f"As I found out before: {known}") if known else _call("get_weather", place[1], len(messages))
    if facts := list(_facts(messages[-1:])):
        return _say(f"I will remember that {_list(facts)}.")
    documents = "\n\n".join(_text(message) for message in messages if message["role"] == "system")
    return _say(quote(question, documents) or "I am listening.")


def _facts(messages: Sequence[Message]) -> Iterator[str]:
    for message in messages:
        if message["role"] in {"user", "system"}:  # a summary is a system message
            for fact in _FACTS:
                yield from map(fact.repeated.format, fact.told(_text(message)))


def _summary(text: str) -> str:
    facts = dict.fromkeys(fact.summarised.format(told) for fact in _FACTS for told in fact.told(text))
    return " ".join(facts) or "Nothing to remember was said."


def _recollection(result: str) -> str:
    said = _RECALLED.search(result)
    return f"You said: “{said[1]}”" if said else "I find nothing about that, even in the archive."


def _earlier_user_texts(messages: Sequence[Message]) -> list[str]:
    return [_text(message) for message in messages[:-1] if message["role"] == "user"]


def _known_weather(messages: Sequence[Message], city: str) -> str | None:
    for message in messages:
        if message["role"] == "tool" and json.loads(_text(message))["city"].lower() == city.lower():
            return _weather_sentence(_text(message))
    return None


def _weather_sentence(result: str) -> str:
    weather = json.loads(result)
    return f"{weather['city']} will be {weather['sky']}, with {weather['degrees']} °C."


def _call(tool: str, argument: str, number: int) -> Message:
    function = {"name": tool, "arguments": json.dumps({_ARGUMENTS[tool]: argument})}
    return {
        "role": "assistant",
        "content": None,
        "tool_calls": [{"id": f"call_{number}", "type": "function", "function": function}],  # type: ignore[typeddict-item]  # a plain dict will do
    }


def _say(text: str) -> Message:
    return {"role": "assistant", "content": text}


def _text(message: Message) -> str:
    content = message["content"]
    return content if isinstance(content, str) else " ".join(part.get("text", "") for part in content or ())


def _list(facts: Sequence[str]) -> str:
    *others, last = dict.fromkeys(facts)
    return f"{', '.join(others)} and {last}" if others else last
