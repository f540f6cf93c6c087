"""The demonstration: two frameworks, one persistent, windowed conversation, offline.

| module | holds |
| --- | --- |
| `answers` | the offline model's answers, from nothing but the messages it is given |
| `reading` | its answers from documents in its prompt |
| `in_langchain`, `in_agents`, `in_llama_index`, `in_openai_agents` | that model, or a chat with it, as each has them |
| `chapters` | the conversation, a chapter in each process |
| `run` | the start of those processes |
| `show` | its output |
"""
