"""Answers from documents: the sentence that has most words in common with the question."""

from __future__ import annotations

import re

_BLOCK_END = re.compile(r"\n\n|\n[-*] |\n\d+\. ")
_SENTENCE_END = re.compile(r"(?<=[.!?:])\s+(?=[A-Z`*\d])")
_WORD = re.compile(r"[a-z]{3,}")
_ORDINARY = frozenset(
    re.findall(
        r"\w+",
        "the and are was were for with that this what when where which who why how does did can may will would should"
        " has have had from into its our your their they them there then than you not but all any",
    )
)


def quote(question: str, text: str) -> str | None:
    """Return the sentence of a text that best answers a question; ``None`` if none shares two words with it."""
    asked = set(words(question))
    sentences = [
        " ".join(sentence.split()) for block in _BLOCK_END.split(text) for sentence in _SENTENCE_END.split(block)
    ]
    best = max(sentences, key=lambda sentence: len(asked.intersection(words(sentence))), default="")
    return best if len(asked.intersection(words(best))) > 1 else None


def words(text: str) -> list[str]:
    """Return the telling words of a text, without endings that make no difference here."""
    return [re.sub(r"(?:e?s|ed|ing|e)$", "", word) for word in _WORD.findall(text.lower()) if word not in _ORDINARY]
