"""Answers of the offline model: a few rules, applied to nothing but the messages it is given.

It knows no more than its prompt. Ask it for something that left the window, and it does not know.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

from sessionkit_integrations.demo.reading import quote

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from sessionkit_integrations.records.messages import Message

_SKIES = ("sunny", "cloudy", "rainy", "windy")
_FACTS = (
    (re.compile(r"\bmy name is (\w+)", re.IGNORECASE), "your name is {}"),
    (re.compile(r"\bI live in (\w+)", re.IGNORECASE), "you live in {}"),
    (re.compile(r"\bI(?:'m| am) allergic to (\w+)", re.IGNORECASE), "you are allergic to {}"),
    (re.compile(r"\bI love ([\w ]+)", re.IGNORECASE), "you love {}"),
)
_WEATHER = re.compile(r"\bweather\b.*\bin (\w+)", re.IGNORECASE)
_ABOUT = re.compile(r"\bwhat did I (?:say|tell \w+) about (\w+)", re.IGNORECASE)
_KNOWN = re.compile(r"\bwhat do you (?:know|remember) about me\b", re.IGNORECASE)


def answer(messages: Sequence[Message]) -> Message:
    """Return the assistant's next message: a reply, or a call of the tool ``get_weather``."""
    last = messages[-1]
    if last["role"] == "tool":
        return _say(_weather_sentence(_text(last)))
    question = _text(last)
    if _KNOWN.search(question):
        facts = list(_facts(messages))
        return _say(f"I see that {_list(facts)}." if facts else "Nothing that you told me is in my window.")
    if about := _ABOUT.search(question):
        said = [text for text in _earlier_user_texts(messages) if about[1].lower() in text.lower()]
        return _say(f"You said: “{said[-1]}”" if said else f"I see nothing about {about[1]} in my window.")
    if place := _WEATHER.search(question):
        known = _known_weather(messages, place[1])
        return _say(f"As I found out before: {known}") if known else _call_weather(place[1], len(messages))
    if facts := list(_facts([last])):
        return _say(f"I will remember that {_list(facts)}.")
    documents = "\n\n".join(_text(message) for message in messages if message["role"] == "system")
    return _say(quote(question, documents) or "I am listening.")


def get_weather(city: str) -> str:
    """Return tomorrow's weather in a city, as JSON: invented, but always the same for the same city."""
    number = sum(city.lower().encode())
    return json.dumps({"city": city, "sky": _SKIES[number % len(_SKIES)], "degrees": 12 + number % 15})


def _facts(messages: Sequence[Message]) -> Iterator[str]:
    for message in messages:
        if message["role"] == "user":
            for pattern, sentence in _FACTS:
                if found := pattern.search(_text(message)):
                    yield sentence.format(found[1])


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


def _call_weather(city: str, number: int) -> Message:
    function = {"name": "get_weather", "arguments": json.dumps({"city": city})}
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
