"""The letters that stand for content blocks in a record's ``order``; see `differences`.

Both adapters give a letter to what both have; the others belong to one of them. Stored records hold these letters, so
that none may change its meaning.
"""

from __future__ import annotations

# Both
PART = "p"
"""The block that a content part makes by nature."""
REASONING = "r"
"""The block that an entry of ``reasoning_details`` makes by nature."""
CALL = "c"
"""The block that repeats a tool call (LangChain), or is one (LlamaIndex)."""
OWN = "o"
"""A block that is held as it is, under the framework's field; other readers see nothing of it."""
OWN_SHOWN = "n"
"""A block that is held as it is, and that other readers see as the next content parts."""

# LangChain
STRING = "s"
"""A content part that is a plain string."""
PART_AS_IT_IS = "q"
"""A content part where the block by nature would have another shape."""
IMAGE_URL_AS_TEXT = "w"
"""An ``image_url`` whose value is the URL itself."""
STANDARD_V0 = "0"
"""Media as LangChain's first standard blocks have them, with a ``source_type``."""
STANDARD = "i"
"""Media as LangChain's standard blocks have them."""
ANTHROPIC = "a"
"""An image or a document as Anthropic has it, with a ``source``."""
GEMINI = "m"
"""Media as Gemini has them, with a ``mime_type``."""
PLAIN_TEXT = "e"
"""A text as LangChain's ``text-plain`` block."""
SUMMARY = "y"
"""Reasoning as OpenAI's Responses API has it, with a ``summary``."""
THINKING = "t"
"""Reasoning as Anthropic has it."""
REDACTED_THINKING = "x"
"""Encrypted reasoning as Anthropic has it."""
BEDROCK_REASONING = "b"
"""Reasoning as Bedrock's Converse API has it."""
TOOL_USE = "u"
"""A tool call as Anthropic has it."""

# LlamaIndex
CITABLE = "s"
"""A block that holds the next content parts, to be cited."""
DATA_URL = "u"
"""The block of a content part whose URL is a data URL."""
