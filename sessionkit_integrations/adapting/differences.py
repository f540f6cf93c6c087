"""The content blocks of a framework beside a record's content parts: what both adapters need to hold them exactly.

What a record says in OpenAI's shape makes *natural* blocks. A framework's own record adds under its field only how its
blocks differ from those: their ``order``, one letter for each block that names where it comes from, and the ``changes``
that make an equal block of the natural one. So nothing is stored twice, and other readers find all they can use.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

Block = dict[str, Any]
Change = list[Any]
"""The index of a block, its fields that are other than natural, and, where there are any, the names that it lacks."""


def change(index: int, natural: Block, block: Block) -> list[Change]:
    """Return what makes ``block`` of its natural form: one change, or none if they are equal.

    Args:
        index: The place of the block in its message.
        natural: What is made without a change.
        block: What shall be made.
    """
    fields = {name: value for name, value in block.items() if name not in natural or not _same(natural[name], value)}
    lacking = [name for name in natural if name not in block]
    if lacking:
        return [[index, fields, lacking]]
    return [[index, fields]] if fields else []


def changed(natural: Block, changes: Change) -> Block:
    """Return the block that a change makes; see `change`."""
    _, fields, *lacking = changes
    block = {**natural, **fields}
    for name in lacking[0] if lacking else ():
        del block[name]
    return block


def arranged(
    order: str,
    sources: Mapping[str, Iterator[Any]],
    changes: Iterable[Change],
    make: Callable[[str, Any, Change | None], Any],
) -> list[Any]:
    """Return the blocks of a message.

    Args:
        order: A letter for each block.
        sources: For each letter, where the next block of that letter comes from.
        changes: As `change` returned them.
        make: Given a letter, what was taken from its source and the block's change, returns the block.

    Raises:
        LookupError, ValueError: The letters do not go with the sources.
    """
    by_index = {each[0]: each for each in changes}
    end = object()
    blocks = []
    for index, letter in enumerate(order):
        source = next(sources[letter], end)
        if source is end:
            raise ValueError(f"its order has more {letter} than it holds")
        blocks.append(make(letter, source, by_index.get(index)))
    if any(next(source, end) is not end for source in sources.values()):
        raise ValueError("its order has less than it holds")
    return blocks


def replace_at(values: Any, path: Sequence[str | int], make: Callable[[Any], Any]) -> None:
    """Put what ``make`` makes of a value within others in its place.

    Args:
        values: What holds it, at any depth.
        path: The keys and indexes that lead to it.
        make: Given the value, returns what takes its place.

    Raises:
        LookupError, TypeError: There is nothing there.
    """
    *steps, last = path
    for step in steps:
        values = values[step]
    values[last] = make(values[last])


def _same(one: object, other: object) -> bool:
    """Whether two JSON values are equal, telling 1 from 1.0 and from True, as Python does not."""
    if type(one) is not type(other):
        return False
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(_same(value, other[name]) for name, value in one.items())
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(_same, one, other))
    return one == other
