"""The demonstration: two frameworks, one persistent, windowed conversation, offline.

| module | holds |
| --- | --- |
| `answers` | what the offline model answers, from nothing but the messages it is given |
| `reading` | how it answers from documents in its prompt |
| `in_langchain`, `in_llama_index` | that model, and a chat with it, as each framework has them |
| `chapters` | the conversation, a chapter in each process |
| `run` | what starts those processes |
| `show` | how it is printed |
"""
