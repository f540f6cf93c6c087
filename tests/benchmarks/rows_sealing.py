"""The cost of sealing, beside sessions that are not sealed."""

from __future__ import annotations

from contextlib import AsyncExitStack
from typing import TYPE_CHECKING, Any

from sessionkit_integrations import Compress, Encrypt, RedisStore, SessionManager
from tests.benchmarks import keep_plain
from tests.benchmarks.lines import Line, Target, Versus, timed
from tests.benchmarks.measuring import in_turn
from tests.benchmarks.setting import WINDOW, turns

if TYPE_CHECKING:
    from tests.benchmarks.keeping import Keeper
    from tests.benchmarks.measuring import Side
    from tests.benchmarks.setting import Setting

WRITE = "Redis: write a turn, sealed"
READ = f"Redis: read {keep_plain.MESSAGES} messages, sealed"

ENCRYPTED_WRITE = Target("≤", 1.25)
ENCRYPTED_READ = Target("≤", 1.6)

_KEY = bytes(32)
ENCRYPT = "`Encrypt(key)`"
SEALS: dict[str, Any] = {
    ENCRYPT: Encrypt(_KEY),
    "`Compress()`": Compress(),
    "both": [Compress(), Encrypt(_KEY)],
}
"""Ways of sealing; those without a target are shown only."""


async def redis(setting: Setting) -> list[Line]:
    """Return the lines of writing and of reading."""
    setting.client.flushall()
    lines: list[Line] = []
    async with AsyncExitStack() as stack:
        for name, seal in SEALS.items():
            sides: dict[str, tuple[Side, Side]] = {}
            for kind, manager_seal in (("plain", None), (name, seal)):
                store = RedisStore(setting.url, key_prefix=f"{name}-{kind}:")
                stack.callback(store.close)
                keeper = keep_plain.ours(SessionManager(WINDOW, store, seal=manager_seal))
                sides[kind] = await _writing(setting, keeper), keeper.reading(_READ)
                await keeper.fill(_READ, turns(2 * WINDOW))
            for row, target, at in ((WRITE, ENCRYPTED_WRITE, 0), (READ, ENCRYPTED_READ, 1)):
                versus = Versus("without a seal", target if name == ENCRYPT else None)
                ours, theirs = sides[name][at], sides["plain"][at]
                lines += await timed(row, name, ours, {versus: theirs}, setting.sizes.effort)
    return sorted(lines, key=lambda line: line.row == READ)


_READ = "read"
"""The session that is read."""


async def _writing(setting: Setting, keeper: Keeper) -> Side:
    names = [f"s{number}" for number in range(setting.sizes.written)]
    for session_id in names:
        await keeper.fill(session_id, turns(2 * WINDOW))
    return in_turn([keeper.writing(session_id, turns(100)) for session_id in names])
