"""Calls and results as prompts show them: the pure function, and what readers of any session see."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from sessionkit_integrations.window.open_calls import Said, Shown, show
from sessionkit_integrations.window.turns import number_turns

if TYPE_CHECKING:
    from collections.abc import Sequence

U, S, A = Said("user"), Said("system"), Said("assistant")
UNREADABLE = Said("assistant", None)


def calls(*names: str) -> Said:
    """Return an assistant message with calls, each given as ``id:tool``."""
    return Said("assistant", tuple(pair(name) for name in names))


def result(name: str) -> Said:
    return Said("tool", answers=pair(name))


def pair(name: str) -> tuple[str, str]:
    call_id, _, tool = name.partition(":")
    return call_id, tool


def in_short(messages: Sequence[Said], *, over: bool = False) -> str:
    """Return what is shown: positions, an exclamation mark for each made up answer, and strays in brackets."""
    return " ".join(
        "!" if position is None else f"({position})" if stray else str(position)
        for position, _, stray in show(messages, over=over)
    )


@pytest.mark.parametrize(
    ("messages", "shown"),
    [
        ([U, calls("a"), result("a"), A, U], "0 1 2 3 4"),
        # open calls: in a turn that is over, in the current one, beside answered ones
        ([U, calls("a"), U], "0 1 ! 2"),
        ([U, calls("a", "b"), U], "0 1 ! ! 2"),
        ([U, calls("a")], "0 1"),
        ([U, calls("a"), U, calls("b")], "0 1 ! 2 3"),
        ([U, calls("a", "b"), result("b"), U], "0 1 2 ! 3"),
        ([U, calls("a", "b"), result("a")], "0 1 2"),
        ([U, calls("a"), A, U], "0 1 ! 2 3"),
        ([calls("a"), U], "0 ! 1"),  # in a greeting
        ([S, calls("a"), S, U], "0 1 ! 2 3"),
        # results in another order stay in theirs; what is between a call and its result comes after both
        ([U, calls("a", "b"), result("b"), result("a"), U], "0 1 2 3 4"),
        ([U, calls("a"), S, result("a"), U], "0 1 3 2 4"),
        ([U, calls("a"), S, result("a")], "0 1 3 2"),
        # late results: after the next user message, after another reply, more than one, and whose call has left
        ([U, calls("a"), U, result("a")], "0 1 3 2"),
        ([U, calls("a"), U, A, result("a"), U], "0 1 4 2 3 5"),
        ([U, calls("a"), A, result("a"), U], "0 1 3 2 4"),
        ([U, calls("a", "b"), U, result("b"), result("a")], "0 1 3 4 2"),
        ([U, result("a")], "0 (1)"),
        ([U, result("a"), calls("a"), U], "0 (1) 2 ! 3"),
        ([result("a"), U], "(0) 1"),
        ([result("a")], "0"),  # nothing was before it
        # one too many
        ([U, calls("a"), result("a"), result("a"), U], "0 1 2 (3) 4"),
        # ids that repeat: the nearest call that is open
        ([U, calls("a"), U, calls("a"), result("a"), U], "0 1 ! 2 3 4 5"),
        ([U, calls("a"), U, calls("a"), result("a"), result("a"), U], "0 1 5 2 3 4 6"),
        ([U, calls("a"), U, calls("a"), U, result("a")], "0 1 ! 2 3 5 4"),
        ([U, calls("a", "a"), result("a"), U], "0 1 2 ! 3"),
        # without ids, by name and order
        ([U, calls(":f", ":g"), result(":g"), U], "0 1 2 ! 3"),
        ([U, calls("a:f"), result(":f"), U], "0 1 2 3"),
        ([U, calls(":f"), result("a:f"), U], "0 1 2 3"),
        ([U, calls("a:f"), result("b:f"), U], "0 1 ! (2) 3"),
        ([U, calls(":f"), result(""), U], "0 1 2 3"),
        ([U, calls(":f"), U, result(":f")], "0 1 3 2"),
        ([U, calls(":f"), U, result("")], "0 1 ! 2 (3)"),
        ([U, calls("a:f"), U, result(":f")], "0 1 ! 2 (3)"),
        # the same id twice in a message: the name tells, then the order
        ([U, calls("a:f", "a:g"), result("a:g"), U, result("a:f")], "0 1 2 4 3"),
        # calls that cannot be read
        ([U, UNREADABLE, result("a"), result("b"), U], "0 1 2 3 4"),
        ([U, UNREADABLE, A, result("a"), U], "0 1 2 (3) 4"),
    ],
)
def test_what_is_shown(messages: list[Said], shown: str) -> None:
    assert in_short(messages) == shown


def test_a_last_turn_that_is_over_is_shown_like_any_other() -> None:
    assert in_short([U, calls("a", "b"), result("b")], over=True) == "0 1 2 !"
    assert in_short([result("a")], over=True) == "(0)"


def test_each_result_names_its_call() -> None:
    assert show([U, calls("a", "b"), result("b"), U], over=False) == [
        Shown(0),
        Shown(1),
        Shown(2, (1, 1)),
        Shown(None, (1, 0)),
        Shown(3),
    ]


names = st.tuples(st.sampled_from(["", "a", "b"]), st.sampled_from(["", "f", "g"]))
said: st.SearchStrategy[Said] = st.one_of(
    st.sampled_from([U, S, A, UNREADABLE]),
    st.builds(lambda many: Said("assistant", tuple(many)), st.lists(names, min_size=1, max_size=3)),
    st.builds(lambda one: Said("tool", answers=one), names),
)
conversations = st.lists(said, max_size=14)
thorough = settings(max_examples=200, deadline=None)


def applied(messages: Sequence[Said], shown: Sequence[Shown]) -> list[Said]:
    """Return the messages that are shown, without strays."""
    found = []
    for position, call, stray in shown:
        if position is not None:
            found += [] if stray else [messages[position]]
        elif call is not None:
            found.append(Said("tool", answers=(messages[call[0]].calls or ())[call[1]]))
    return found


@given(messages=conversations, over=st.booleans())
@thorough
def test_any_conversation_becomes_a_valid_prompt(messages: list[Said], over: bool) -> None:
    shown = show(messages, over=over)
    has_user = any(message.role == "user" for message in messages)
    turns = number_turns(message.role for message in messages)
    answered: Counter[Any] = Counter(call for _, call, _ in shown if call is not None)
    for position, message in enumerate(messages):
        is_over = over or turns[position] < turns[-1]
        for index in range(len(message.calls or ())):
            assert answered[position, index] in ({1} if is_over else {0, 1})
    before: int | None = None
    for at, call, stray in shown:
        if call is not None:
            assert before == call[0]  # directly after its message, or after another of its results
            assert at is None or (messages[at].role == "tool" and at > call[0])
        else:
            assert at is not None
            assert messages[at].role != "tool" or stray or not (has_user or over)
            before = at


@given(messages=conversations, over=st.booleans())
@example(messages=[calls(":f", "b:f"), result("a"), U, result(":f")], over=False)
@thorough
def test_what_is_shown_is_shown_again(messages: list[Said], over: bool) -> None:
    ids = [[call_id for call_id, _ in message.calls or () if call_id] for message in messages]
    assume(all(len(set(each)) == len(each) for each in ids))  # in one message; else results may change places
    once = applied(messages, show(messages, over=over))
    assert applied(once, show(once, over=over)) == once


@given(messages=conversations, over=st.booleans())
@thorough
def test_nothing_else_changes(messages: list[Said], over: bool) -> None:
    shown = show(messages, over=over)
    assert sorted(each.position for each in shown if each.position is not None) == list(range(len(messages)))
    assert [each.position for each in shown if each.call is None] == sorted(
        each.position for each in shown if each.call is None and each.position is not None
    )
    turns = number_turns(message.role for message in messages)
    made_up = [call for position, call, _ in shown if position is None and call is not None]
    assert over or all(turns[position] < turns[-1] for position, _ in made_up)
    for position in range(len(messages)):  # the results of a message stay in their order, those made up at the end
        results = [each.position for each in shown if each.call is not None and each.call[0] == position]
        real = [each for each in results if each is not None]
        assert results == [*sorted(real), *[None] * (len(results) - len(real))]
