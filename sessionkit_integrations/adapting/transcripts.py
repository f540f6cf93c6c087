"""Messages as a text for models: data, none of which can be taken for a part of the prompt around it.

- A transcript is between tags that are named by a digest of what is in them, so that no text can hold their ends.
- Each line of a message is indented, so that none can be taken for the line that names the next speaker.
"""

from __future__ import annotations

import hashlib
import re
from typing import TYPE_CHECKING, Any

from sessionkit_integrations.providers.contents import convert_content, leave_out_media
from sessionkit_integrations.providers.normal import normalize
from sessionkit_integrations.records.fields import is_error
from sessionkit_integrations.records.recalled import without_recalled
from sessionkit_integrations.records.tool_calls import texts_of
from sessionkit_integrations.view.text import one_line

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from sessionkit_integrations.records.fields import Fields
    from sessionkit_integrations.records.messages import Message

MOST_TEXT = 8000
"""Most characters of what somebody says that are shown."""
MOST_OF_TOOLS = 2000
"""Most characters of a call's arguments, and of a tool's result, that are shown."""
MOST_OF_ALL = 200_000
"""Most characters of a transcript, about 50,000 tokens, as long as texts can be cut further."""
INDENT = "  "
"""Beginning of each line that somebody wrote."""
_MOST_CUTS = 6
"""Times that the texts of a long transcript are cut to half of their lengths."""
_RECALLED = "[earlier turns that were recalled, left out]"
_HALF_A_PAIR = re.compile("[\ud800-\udfff]")


def transcript(
    messages: Sequence[Message],
    most: int = MOST_OF_ALL,
    *,
    most_text: int = MOST_TEXT,
    most_of_tools: int = MOST_OF_TOOLS,
) -> str:
    """Return messages as a text: who says what, which tools are called and what they answer.

    Reasoning is left out, as are turns that an agent recalled. A note stands for media. Long texts are cut in their
    middle, the more so the more of them there are.

    Args:
        messages: The messages.
        most: Most characters of the transcript, as long as texts can be cut further.
        most_text: Most characters of what somebody says.
        most_of_tools: Most characters of a call's arguments, and of a tool's result.
    """
    text = ""
    for cuts in range(_MOST_CUTS + 1):
        limits = most_text >> cuts, most_of_tools >> cuts
        text = "\n".join(line for message in messages for line in _lines(message, *limits))
        if len(text) <= most:
            break
    return text


def whole_characters(text: str) -> str:
    """Return a text as UTF-8 can hold it: other writers store halves of pairs, which no request can send."""
    return _HALF_A_PAIR.sub("\ufffd", text)


def digest_of(*texts: str) -> str:
    """Return a name for tags around some texts, which none of them holds."""
    digest = hashlib.sha256("\n".join(texts).encode()).hexdigest()[:12]
    while any(digest in text for text in texts):
        digest = hashlib.sha256(digest.encode()).hexdigest()[:12]
    return digest


def tagged(name: str, text: str) -> str:
    """Return a text between tags."""
    return f"<{name}>\n{text}\n</{name}>"


def left_out(characters: int) -> str:
    """Return the mark that stands for some characters."""
    return f"[… {characters:,} characters left out …]"


def _lines(message: Message, most_text: int, most_of_tools: int) -> Iterator[str]:
    fields = normalize(message)
    most = most_of_tools if fields["role"] == "tool" else most_text
    texts = [without_recalled(part["text"], _RECALLED) for part in convert_content(fields, leave_out_media)]
    said = [_cut("\n".join(texts), most)] if texts else []
    said += [_call(call, most_of_tools) for call in fields.get("tool_calls", ())]
    if said:
        yield f"{_speaker(fields)}:"
        yield from (f"{INDENT}{line}" for text in said for line in text.splitlines())


def _speaker(fields: Fields) -> str:
    name = f" {one_line(fields['name'])}" if fields.get("name") else ""
    return f"{fields['role']}{name}{' (failed)' if is_error(fields) else ''}"


def _call(call: dict[str, Any], most: int) -> str:
    _, name, arguments = texts_of(call)
    return f"calls {name}: {_cut(arguments, most)}"


def _cut(text: str, most: int) -> str:
    """Return a text without its middle if it is too long: questions are often at the end of what they are about."""
    if len(text) <= most:
        return text
    start, end = text[: most * 3 // 4], text[len(text) - most // 4 :]
    return f"{start}\n{left_out(len(text) - len(start) - len(end))}\n{end}"
