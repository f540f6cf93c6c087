"""LlamaIndex's content blocks as JSON of their own, for records, and back."""

from __future__ import annotations

from base64 import b64encode
from io import IOBase
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

from llama_index.core.base.llms.types import (
    AudioBlock,
    ContentBlock,
    DocumentBlock,
    ImageBlock,
    TextBlock,
    VideoBlock,
)
from pydantic import BaseModel

from sessionkit_integrations.adapting.with_pydantic import unvalidated_constructor
from sessionkit_integrations.llama_index.values import restore, write
from sessionkit_integrations.records.sizes import fields_of
from sessionkit_integrations.records.unreadable import UnreadableRecordError, expect

if TYPE_CHECKING:
    from sessionkit_integrations.adapting.differences import Block
    from sessionkit_integrations.records.values import Written

DATA: dict[type, str] = {ImageBlock: "image", AudioBlock: "audio", VideoBlock: "video", DocumentBlock: "data"}
"""Fields of blocks of media that hold the data, as the bytes of their base64."""
_CLASSES: dict[object, type[BaseModel]] = {
    cls.model_fields["block_type"].default: cls for cls in get_args(get_args(ContentBlock)[0])
}
_INNER = {"citable": "content", "citation": "cited_content"}
"""Fields in which blocks hold other blocks."""
_OBJECTS = "objects"
"""Field of earlier records with the places of objects in a thinking block."""
_make_text_block = unvalidated_constructor(TextBlock(text=""))


def text_block(text: str) -> TextBlock:
    """Return the block that holds a text."""
    return _make_text_block({"block_type": "text", "text": text})


def dump_block(block: BaseModel, max_bytes: int) -> Written:
    """Return a block as JSON, and notes of what JSON cannot hold, whose paths begin at the block.

    Raises:
        InvalidMessageError: It is too large by far, or nested too deeply.
    """
    return write(_fields_of(block), max_bytes)


def is_supported(fields: Block) -> bool:
    """Return whether this version of LlamaIndex has blocks of the type that `dump_block` made ``fields`` of."""
    kind = fields.get("block_type")
    return isinstance(kind, str) and kind in _CLASSES


def load_block(fields: Block) -> Any:
    """Return the block that `dump_block` made ``fields`` of, but for values that JSON cannot hold.

    Raises:
        UnreadableRecordError: There is no such block.
    """
    if not is_supported(fields):
        raise UnreadableRecordError(f"there is no block of the type {fields.get('block_type')!r}")
    kind = fields["block_type"]
    path, objects = fields.pop("path", None), fields.pop(_OBJECTS, None)
    inner = fields.get(_INNER.get(kind, ""))
    # The blocks within a block are loaded one by one, and what holds them is validated without them.
    if kind == "citable" and isinstance(inner, list):
        block = _make({**fields, "content": []})
        block.content = [load_block(each) if _is_block(each) else each for each in inner]
    elif kind == "citation" and isinstance(inner, dict) and _is_block(inner):
        block = _make({**fields, "cited_content": ""})
        block.cited_content = load_block(inner)
    else:
        block = _make(fields)
    if objects is not None:
        restore(block.additional_information, expect(objects, list, _OBJECTS))
    if path is not None:
        # Validation would fail for a file that is gone by now, and with it the whole session.
        block.path = Path(path) if isinstance(path, str) and kind != "document" else path
    return block


def _is_block(value: object) -> bool:
    return isinstance(value, dict) and is_supported(value)


def _make(fields: Block) -> Any:
    """Return the block of some fields: validated, if they are valid; fields may have been assigned that are not."""
    cls = _CLASSES[fields["block_type"]]
    try:
        return cls.model_validate(fields)
    except ValueError:
        required = [name for name, field in cls.model_fields.items() if field.is_required()]
        name = DATA.get(cls, "")
        if isinstance(fields.get(name), str):
            fields = {**fields, name: fields[name].encode(errors="surrogatepass")}
        return cls.model_construct(**{**dict.fromkeys(required), **fields})


def _fields_of(block: BaseModel) -> dict[str, Any]:
    """Return the fields of a block that are not empty: data as text, and blocks in it as their fields."""
    cls = type(block)
    fields = {name: value for name, value in fields_of(block).items() if value is not None}
    if "block_type" in cls.model_fields:
        fields["block_type"] = cls.model_fields["block_type"].default
    name = _INNER.get(fields.get("block_type", ""), "")
    held = fields.get(name)
    if isinstance(held, BaseModel):
        fields[name] = _fields_of(held)
    elif isinstance(held, list):
        fields[name] = [_fields_of(each) if isinstance(each, BaseModel) else each for each in held]
    name = DATA.get(cls, "")
    data = fields.get(name)
    if isinstance(data, IOBase):
        data = read_file(data)
    if isinstance(data, bytes):
        fields[name] = data.decode() if data.isascii() and data is fields[name] else b64encode(data).decode()
    return fields


def read_file(file: IOBase) -> object:
    """Return what is in an open file, or the file if it cannot be read."""
    try:
        file.seek(0)
        return file.read()
    except (AttributeError, OSError, TypeError, ValueError):
        return file
