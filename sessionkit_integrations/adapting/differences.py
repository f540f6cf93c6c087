"""The content blocks of a framework beside a record's content parts: encode = decode the natural form, store the rest.

Each content part, entry of ``reasoning_details`` or tool call of a record makes one *natural* block when it is read:
the shape in which a framework's models take it. A framework has more shapes than OpenAI's API, and its blocks say
more. To write a block, its adapter therefore takes out of it what OpenAI's shape can hold, makes the natural block of
that, just as a reader will, and stores how the block differs from it: the fields that are other or more, and the
names of those that are missing. To read the block, the adapter makes the natural block again and applies the
difference. So a block comes back equal whatever it holds, most blocks store no difference at all, nothing is stored
twice, and other readers find all they can use. Under the framework's field a record has at most an ``order``, one
letter for each block that names its source and its shape (see `letters`), and the differences, as ``changes``.
"""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Any, TypeVar

from sessionkit_integrations.records.unreadable import UnreadableRecordError, brief, expect, expect_item

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

T = TypeVar("T")
Block = dict[str, Any]
Difference = list[Any]
"""The index of a block, the fields in which it is other than natural, and the names that it lacks, if there are any."""

_END = object()


def compare(index: int, natural: Block, block: Block) -> list[Difference]:
    """Return how a block differs from its natural form: one difference, or none if they are equal.

    Args:
        index: The place of the block in its message.
        natural: The block that is made without a difference.
        block: The block to be made.
    """
    fields = {
        name: value for name, value in block.items() if name not in natural or not same_json(natural[name], value)
    }
    lacking = [name for name in natural if name not in block]
    if lacking:
        return [[index, fields, lacking]]
    return [[index, fields]] if fields else []


def apply(natural: Block, difference: Difference) -> Block:
    """Return the block that differs from its natural form; see `compare`.

    Raises:
        UnreadableRecordError: It is not a difference from this form.
    """
    _, fields, *lacking = difference
    block = {**natural, **expect(fields, dict, "change of a block")}
    for name in expect(lacking[0], list, "lacking fields") if lacking else ():
        if block.pop(expect(name, str, "lacking field"), _END) is _END:
            raise UnreadableRecordError(f"a block cannot lack {brief(name)}, which it has not by nature")
    return block


def arrange(
    order: object,
    sources: Mapping[str, Iterator[Any]],
    differences: object,
    make: Callable[[str, Any, Difference | None], Any],
) -> list[Any]:
    """Return the blocks of a message.

    Args:
        order: A letter for each block.
        sources: For each letter, an iterator that yields what the next block of that letter is made of.
        differences: Those that `compare` returned, or ``None`` if there are none.
        make: Given a letter, what its source yielded and the block's difference, returns the block.

    Raises:
        UnreadableRecordError: The letters do not go with the sources.
    """
    by_index = _by_index(differences)
    blocks = []
    for index, letter in enumerate(expect(order, str, "order of blocks")):
        if letter not in sources:
            raise UnreadableRecordError(f"order of blocks has the unknown letter {brief(letter)}")
        source = next(sources[letter], _END)
        if source is _END:
            raise UnreadableRecordError(f"order of blocks has more {brief(letter)} than there are in the record")
        blocks.append(make(letter, source, by_index.get(index)))
    if any(next(source, _END) is not _END for source in sources.values()):
        raise UnreadableRecordError("order of blocks has fewer blocks than there are in the record")
    return blocks


def replace_at(values: Any, path: object, make: Callable[[Any], Any]) -> None:
    """Put what ``make`` makes of a value within others in its place.

    Args:
        values: A dict or a list that holds it, at any depth.
        path: The keys and indexes that lead to it.
        make: Given the value, returns what takes its place.

    Raises:
        UnreadableRecordError: There is nothing there.
    """
    steps = expect(path, list, "path of a value")
    if not steps:
        raise UnreadableRecordError("path of a value must have a step")
    for step in steps[:-1]:
        values = _at(values, step)
    values[steps[-1]] = make(_at(values, steps[-1]))


def take(parts: Iterator[T], count: object) -> list[T]:
    """Return the next content parts.

    Raises:
        UnreadableRecordError: There are not that many.
    """
    number = expect(count, int, "number of content parts")
    taken = list(islice(parts, max(number, 0)))
    if len(taken) != number:
        raise UnreadableRecordError(f"a block needs {number} more content parts, and there are {len(taken)}")
    return taken


def same_json(one: object, other: object) -> bool:
    """Return whether two JSON values are equal, telling 1 from 1.0 and from True, as Python does not."""
    if one is other or type(one) is not type(other):
        return one is other
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(same_json(value, other[name]) for name, value in one.items())
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(same_json, one, other))
    return one == other


def _at(values: Any, step: object) -> Any:
    if isinstance(values, list):
        return expect_item(values, step, "path of a value")
    key = expect(step, str, "step of a path")
    if not isinstance(values, dict) or key not in values:
        raise UnreadableRecordError(f"path of a value leads to nothing at {brief(key)}")
    return values[key]


def _by_index(differences: object) -> dict[int, Difference]:
    by_index = {}
    for each in _differences(differences):
        if len(each) not in {2, 3}:
            raise UnreadableRecordError("change of a block must have two or three items")
        by_index[expect(each[0], int, "index of a change")] = each
    return by_index


def _differences(value: object) -> Iterable[Difference]:
    if value is None:
        return ()
    return [expect(each, list, "change of a block") for each in expect(value, list, "changes of blocks")]
