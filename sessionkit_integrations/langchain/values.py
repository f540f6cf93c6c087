"""What LangChain's messages carry beside their content, as JSON, and back.

LangChain itself knows how to dump pydantic objects. They come back as the dicts that it makes of them, but its
`Document` objects, which retrievers give as the artifact of a tool message, come back as such.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from langchain_core.documents import Document
from pydantic import BaseModel

from sessionkit_integrations.adapting.differences import replace_at

if TYPE_CHECKING:
    from collections.abc import Iterable

    Path = list[str | int]


def dumped(value: Any, documents: list[Path], path: Path) -> Any:
    """Return a value without pydantic objects.

    Args:
        value: The value, at any depth.
        documents: Where the paths of documents in it go.
        path: Its own path.
    """
    if isinstance(value, BaseModel):
        try:
            fields = value.model_dump(mode="json")
        except ValueError:
            return value  # which is then refused by its name
        if type(value) is Document:
            documents.append(path)
        return fields
    if type(value) is dict:
        return {name: dumped(item, documents, [*path, name]) for name, item in value.items()}
    if type(value) is list:
        return [dumped(item, documents, [*path, index]) for index, item in enumerate(value)]
    return value


def restore(values: dict[str, Any], documents: Iterable[Path]) -> None:
    """Put documents back in their places.

    Raises:
        LookupError, TypeError, ValueError: There are none at these places.
    """
    for path in documents:
        replace_at(values, path, lambda fields: Document(**fields))
