"""Vectors of the texts of all sessions on a server whose query engine compares them: what is done with them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from sessionkit_integrations.errors import StoreError
from sessionkit_integrations.stores.redis import vectors as commands
from sessionkit_integrations.stores.redis.finding import is_missing
from sessionkit_integrations.stores.vectors import other_length, other_model

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from sessionkit_integrations.runtime.steps import Steps
    from sessionkit_integrations.stores.redis.finding import Finder

DOCUMENTS = 1000
"""Documents that are asked for at once, of those that a model has not seen."""

_OF_OTHER_LENGTH = re.compile(r"\((\d+)\) does not match index's expected size \((\d+)\)")


class VectorFinder:
    """The vectors of a store.

    Args:
        finder: The index of its words.
    """

    def __init__(self, finder: Finder) -> None:
        self._finder = finder
        self._keys = finder.keys
        self._indexes_models = False

    def known(
        self, session_id: str, model: str, digests: Sequence[bytes], own: Mapping[bytes, bytes]
    ) -> Steps[Mapping[bytes, bytes]]:
        """Do what `Store.vectors` says.

        Args:
            session_id: The session.
            model: The model.
            digests: The digests of the texts.
            own: Vectors that this process keeps, which count while the server keeps another model's.
        """
        if own and (yield from self._model()) not in (None, model):
            return own
        names = [commands.name_of(model, digest) for digest in digests]
        found = yield from self._finder.operation(commands.known(self._keys, session_id, names))
        return {digest: vector for digest, vector in zip(digests, found, strict=True) if vector is not None}

    def keep(self, session_id: str, model: str, vectors: Mapping[bytes, bytes]) -> Steps[bool]:
        """Do what `Store.keep_vectors` says, unless the store keeps another model's; return whether it did."""
        kept = yield from self._model()
        if kept is None:
            length = max(map(len, vectors.values()), default=0) // commands.BYTES_OF_NUMBER
            yield from self._make(model, length)
        elif kept != model:
            return False
        named = {commands.name_of(model, digest): vector for digest, vector in vectors.items()}
        yield from self._finder.operation(commands.keep(self._keys, session_id, named))
        return True

    def behind(self, model: str, limit: int) -> Steps[list[tuple[str, str]]]:
        """Do what `VectorIndex.behind` says; a state has the numbers of the documents that were found."""
        try:
            return (yield from self._behind(model, limit))
        except StoreError as error:
            if not is_missing(error):
                raise
            yield from self._finder.make_again()
            self._indexes_models = False
            return (yield from self._behind(model, limit))

    def _behind(self, model: str, limit: int) -> Steps[list[tuple[str, str]]]:
        yield from self._finder.prepare()
        kept = yield from self._model()
        if kept not in (None, model):
            raise other_model(str(kept), model)
        if kept is not None:
            yield from self._index_models()
        numbers: dict[str, list[int]] = {}
        for node, name in (yield from self._finder.indexes(self._finder.words)):
            others = None if kept is None else (yield from self._others(model, name, node))
            skip, count = 0, DOCUMENTS
            while count == DOCUMENTS and len(numbers) < limit:
                page = commands.find_unseen(self._keys, name, others, skip, DOCUMENTS, self._finder.timeout)
                count, keys = yield from self._finder.operation(page, node)
                for key, where in (yield from self._finder.places(keys)).items():
                    if where is not None:
                        numbers.setdefault(key.session_id, []).append(key.number)
                skip += count
        states = yield from self._states(list(numbers)[:limit])
        return [(each, f"{state} {','.join(map(str, numbers[each]))}") for each, state in states.items()]

    def mark(self, session_id: str, state: str, digests: Collection[bytes]) -> Steps[None]:
        """Do what `VectorIndex.mark` says."""
        model = yield from self._model()
        if model is None:
            return
        yield from self._index_models()
        digest, _, numbers = state.partition(" ")
        found = [int(number) for number in numbers.split(",") if number]
        command = commands.mark(self._keys, session_id, digest, model, found, list(digests))
        yield from self._finder.operation(command)

    def begin(self, model: str) -> Steps[None]:
        """Do what `VectorIndex.begin` says, and delete the vectors of sessions that ended.

        The index is made with the first vector, which says its length.
        """
        yield from self._finder.prepare()
        kept = yield from self._model()
        if kept not in (None, model):
            for node, name in (yield from self._finder.indexes(commands.index_name(self._keys, str(kept)))):
                yield from self._unless("index", commands.drop(name), node)
        for node in (yield from self._finder.nodes()):
            cursor = -1
            while cursor:
                cursor, session_ids = yield from self._finder.operation(commands.scan(self._keys, max(cursor, 0)), node)
                yield from self._states(list(dict.fromkeys(session_ids)))

    def nearest(self, model: str, question: bytes, limit: int) -> Steps[list[tuple[float, str]]]:
        """Do what `VectorEngine.nearest` says; vectors of sessions that ended are deleted, and others found instead."""
        met: set[str] = set()
        while True:
            found: list[tuple[float, str]] = []
            for node, name in (yield from self._finder.indexes(commands.index_name(self._keys, model))):
                command = commands.find_nearest(self._keys, name, question, limit, self._finder.timeout)
                try:
                    found += yield from self._finder.operation(command, node)
                except StoreError as error:
                    if is_missing(error):
                        continue
                    if lengths := _OF_OTHER_LENGTH.search(str(error.__cause__)):
                        made, kept = (int(each) // commands.BYTES_OF_NUMBER for each in lengths.groups())
                        raise other_length(kept, made) from error.__cause__
                    raise
            found = sorted(found, reverse=True)[:limit]
            session_ids = list(dict.fromkeys(session_id for _, session_id in found))
            gone = set(session_ids) - (yield from self._states(session_ids)).keys()
            if gone <= met:
                return [each for each in found if each[1] not in gone]
            met |= gone

    def _others(self, model: str, words: str, node: Any) -> Steps[list[str]]:
        """Return the marks of other models that have seen documents."""
        marks = yield from self._finder.operation(commands.list_seen(words), node)
        return [each for each in marks if each != commands.mark_of(model)]

    def _states(self, session_ids: Sequence[str]) -> Steps[dict[str, str]]:
        """Return the states of sessions, and delete the vectors of those that ended."""
        states: dict[str, str] = {}
        for group in (yield from self._finder.at_once(session_ids)):
            states |= yield from self._finder.operation(commands.states(self._keys, group))
        return states

    def _model(self) -> Steps[str | None]:
        """Return the model whose vectors the store keeps; ``None`` if it keeps none."""
        ((node, _), *_) = yield from self._finder.indexes(self._finder.words)
        models = yield from self._finder.operation(commands.list_models(self._keys), node)
        return min(models, default=None)

    def _make(self, model: str, length: int) -> Steps[None]:
        yield from self._finder.prepare()
        for node, name in (yield from self._finder.indexes(commands.index_name(self._keys, model))):
            yield from self._unless("already exists", commands.create(self._keys, name, model, length), node)
        self._indexes_models = False
        yield from self._index_models()

    def _index_models(self) -> Steps[None]:
        if not self._indexes_models:
            for node, name in (yield from self._finder.indexes(self._finder.words)):
                yield from self._unless("duplicate", commands.index_models(name), node)
            self._indexes_models = True

    def _unless(self, reason: str, command: Any, node: Any) -> Steps[None]:
        """Run a command, which may be refused for a reason that it names."""
        try:
            yield from self._finder.operation(command, node)
        except StoreError as error:
            if reason not in str(error.__cause__).lower():
                raise
