"""LlamaIndex's content blocks as JSON of their own, for records, and back."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

from llama_index.core.base.llms.types import ContentBlock, TextBlock, ThinkingBlock
from pydantic_core import to_jsonable_python

from sessionkit_integrations.adapting.with_pydantic import unvalidated_constructor
from sessionkit_integrations.errors import InvalidMessageError
from sessionkit_integrations.llama_index.values import dump_value, restore
from sessionkit_integrations.records.unreadable import UnreadableRecordError, expect, expect_optional

if TYPE_CHECKING:
    from pydantic import BaseModel

    from sessionkit_integrations.adapting.differences import Block

_CLASSES: dict[object, type[BaseModel]] = {
    cls.model_fields["block_type"].default: cls for cls in get_args(get_args(ContentBlock)[0])
}
_OBJECTS = "objects"
"""Field of a dumped thinking block for the places of objects that JSON does not have."""
_make_text_block = unvalidated_constructor(TextBlock(text=""))


def text_block(text: str) -> TextBlock:
    """Return the block that holds a text."""
    return _make_text_block({"block_type": "text", "text": text})


def dump_block(block: Any) -> Block:
    """Return a block as JSON.

    Raises:
        InvalidMessageError: JSON cannot hold it.
    """
    dumped = block.model_dump(exclude_none=True)
    if isinstance(block, ThinkingBlock):
        return _dump_thinking(dumped)
    try:
        try:
            encoded: Block = to_jsonable_python(dumped)
        except UnicodeDecodeError:
            # The raw bytes of an open file. A block that is made of bytes holds them in base64.
            encoded = to_jsonable_python(type(block).model_validate(dumped).model_dump(exclude_none=True))
    except ValueError as error:
        raise InvalidMessageError(f"blocks.{block.block_type}", f"holds what JSON cannot ({error})") from error
    return encoded


def is_supported(fields: Block) -> bool:
    """Return whether this version of LlamaIndex has blocks of the type that `dump_block` made ``fields`` of."""
    kind = fields.get("block_type")
    return isinstance(kind, str) and kind in _CLASSES


def load_block(fields: Block) -> Any:
    """Return the block that `dump_block` made ``fields`` of.

    Raises:
        UnreadableRecordError: There is no such block.
    """
    if not is_supported(fields):
        raise UnreadableRecordError(f"there is no block of the type {fields.get('block_type')!r}")
    kind = fields["block_type"]
    path = expect_optional(fields.pop("path", None), str, "path of a block")
    # The blocks within a block are loaded one by one, and what holds them is validated without them.
    if kind == "citable":
        block = _validate({**fields, "content": []})
        inner = expect(fields.get("content"), list, "content of a citable block")
        block.content = [load_block(expect(each, dict, "block")) for each in inner]
    elif kind == "citation":
        block = _validate({**fields, "cited_content": ""})
        block.cited_content = load_block(expect(fields.get("cited_content"), dict, "cited content"))
    else:
        objects = fields.pop(_OBJECTS, None)
        block = _validate(fields)
        if objects is not None:
            restore(block.additional_information, objects)
    if path is not None:
        # Validation would fail for a file that is gone by now, and with it the whole session.
        block.path = path if kind == "document" else Path(path)
    return block


def _validate(fields: Block) -> Any:
    try:
        return _CLASSES[fields["block_type"]].model_validate(fields)
    except ValueError as error:
        raise UnreadableRecordError(f"fields make no block ({error})") from error


def _dump_thinking(dumped: Block) -> Block:
    try:
        dumped["additional_information"], objects = dump_value(dumped["additional_information"])
    except InvalidMessageError as error:
        raise InvalidMessageError("blocks.thinking", str(error)) from error
    return {**dumped, _OBJECTS: objects} if objects else dumped
