"""Usage of a session, added up by model, and the text as which stores keep it.

The text has a part for each model, a comma after each: the model, percent-encoded, and its input, output, cached and
reasoning tokens: ``gpt-5:1200:300:1000:20,``. A part without a model is of replies that name none.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import quote, unquote

from sessionkit_integrations.records.record import usage_of
from sessionkit_integrations.records.usage import Usage

if TYPE_CHECKING:
    from collections.abc import Iterable

_FIGURES = 4


def add_up(usages: Iterable[Usage]) -> tuple[Usage, ...]:
    """Return one usage for each model, in the order in which they come first."""
    totals: dict[str | None, Usage] = {}
    for usage in usages:
        before = totals.get(usage.model)
        totals[usage.model] = usage if before is None else before + usage
    return tuple(totals.values())


def totals_of(records: Iterable[bytes]) -> tuple[Usage, ...]:
    """Return the usage that records say, by model."""
    usages = [usage for record in records if (usage := usage_of(record)) is not None]
    return add_up(usages) if usages else ()


def totals_text(totals: Iterable[Usage]) -> str:
    """Return the text of totals."""
    return "".join(
        f"{quote(usage.model or '', safe='')}:{usage.input}:{usage.output}:{usage.cached}:{usage.reasoning},"
        for usage in totals
    )


def totals_from(text: str) -> tuple[Usage, ...]:
    """Return the totals of a text; a part that is damaged is left out."""
    return tuple(usage for part in text.split(",") if (usage := _from_part(part)) is not None)


def _from_part(part: str) -> Usage | None:
    model, *figures = part.split(":")
    if len(figures) != _FIGURES or not all(figure.isascii() and figure.isdigit() for figure in figures):
        return None
    tokens = map(int, figures)
    return Usage(next(tokens), next(tokens), next(tokens), next(tokens), unquote(model) or None)
