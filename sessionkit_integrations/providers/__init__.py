"""Sessions as requests to the chat APIs of OpenAI, Anthropic and Google, and their responses as messages.

``to_openai``, ``to_anthropic`` and ``to_gemini`` return keyword arguments for a call of the provider's own SDK.
``from_openai``, ``from_anthropic`` and ``from_gemini`` turn its response into the message to store:

```python
kwargs = to_anthropic(sessions.get_session("user123"))
response = anthropic.Anthropic().messages.create(model="…", max_tokens=1024, **kwargs)
sessions.send_message("user123", from_anthropic(response))
```

A session may go from one provider to another at any message. No SDK is imported: requests are plain dicts, and only
the attributes of responses are read.
"""

from __future__ import annotations

from sessionkit_integrations.providers.anthropic import from_anthropic, to_anthropic
from sessionkit_integrations.providers.gemini import from_gemini, to_gemini
from sessionkit_integrations.providers.openai import from_openai, to_openai
from sessionkit_integrations.providers.usage import usage_of_response

__all__ = [
    "from_anthropic",
    "from_gemini",
    "from_openai",
    "to_anthropic",
    "to_gemini",
    "to_openai",
    "usage_of_response",
]
