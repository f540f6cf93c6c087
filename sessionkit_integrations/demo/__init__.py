"""The demonstration: two frameworks, one persistent, windowed conversation, offline.

| module | holds |
| --- | --- |
| `answers` | what the offline model answers, from nothing but the messages it is given |
| `models` | the model as LangChain and as LlamaIndex want one |
| `chapters` | the conversation, a chapter in each process |
| `show` | how it is printed |
"""
