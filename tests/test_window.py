"""The window rules themselves."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sessionkit_integrations import Window
from sessionkit_integrations.window.turns import evict, number_turns

roles = st.lists(st.sampled_from(["user", "assistant", "tool", "system"]), max_size=30)
windows = st.integers(min_value=1, max_value=6).map(Window)

Item = tuple[int, str]


def conversation(of_roles: list[str]) -> list[Item]:
    return list(enumerate(of_roles))


def role_of(item: Item) -> str:
    return item[1]


def test_example_of_the_rules() -> None:
    names = ["U1", "A1", "U2", "A2", "U3", "A3", "U4"]
    kept, evicted = evict(names, Window(3), lambda name: "user" if name.startswith("U") else "assistant")
    assert (kept, evicted) == (["U2", "A2", "U3", "A3", "U4"], ["U1", "A1"])


@pytest.mark.parametrize(
    ("of_roles", "numbers"),
    [
        ([], []),
        (["system", "system", "user", "assistant"], [0, 0, 1, 1]),
        (["user", "user"], [1, 2]),
        (["assistant", "system", "user"], [1, 1, 2]),
        (["system", "assistant", "tool", "user", "system"], [0, 1, 1, 2, 2]),
        (["user", "assistant", "tool", "tool", "assistant"], [1, 1, 1, 1, 1]),
    ],
)
def test_numbers_of_turns(of_roles: list[str], numbers: list[int]) -> None:
    assert number_turns(of_roles) == numbers


@given(roles, windows)
def test_kept_and_evicted_are_the_conversation_in_its_order(of_roles: list[str], window: Window) -> None:
    items = conversation(of_roles)
    kept, evicted = evict(items, window, role_of)
    assert sorted([*kept, *evicted]) == items
    assert (kept, evicted) == (sorted(kept), sorted(evicted))


@given(roles, windows)
def test_whole_turns_leave_oldest_first_and_the_last_ones_stay(of_roles: list[str], window: Window) -> None:
    items = conversation(of_roles)
    turns = [number for number in dict.fromkeys(number_turns(of_roles)) if number]
    kept, _ = evict(items, window, role_of)
    kept_turns = {number_turns(of_roles)[index] for index, _ in kept} - {0}
    assert kept_turns == set(turns[-(window.turns or 0) :])
    assert all(index in dict(kept) for index, number in enumerate(number_turns(of_roles)) if number in {0, *kept_turns})


@given(roles, windows)
def test_what_is_evicted_from_opens_with_a_user_after_the_preamble(of_roles: list[str], window: Window) -> None:
    kept, evicted = evict(conversation(of_roles), window, role_of)
    if evicted:
        opening = [role for _, role in kept][number_turns(role for _, role in kept).count(0) :]
        assert opening[0] == "user"


@given(roles, roles, windows)
def test_evicting_at_every_write_is_evicting_once(first: list[str], second: list[str], window: Window) -> None:
    items = conversation([*first, *second])
    kept, _ = evict(items[: len(first)], window, role_of)
    assert evict([*kept, *items[len(first) :]], window, role_of)[0] == evict(items, window, role_of)[0]


@given(roles, roles)
def test_numbering_goes_on_from_where_it_was(first: list[str], second: list[str]) -> None:
    numbers = number_turns(first)
    last = numbers[-1] if numbers else 0
    assert [*numbers, *number_turns(second, last)] == number_turns([*first, *second])


@pytest.mark.parametrize("turns", [0, -1])
def test_a_window_keeps_at_least_one_turn(turns: int) -> None:
    with pytest.raises(ValueError, match="at least 1 turn"):
        Window(turns)


@pytest.mark.parametrize("turns", ["3", 2.5, True])
def test_a_window_is_a_whole_number(turns: object) -> None:
    with pytest.raises(TypeError, match="number of turns"):
        Window(turns)  # type: ignore[arg-type]  # that is the point
