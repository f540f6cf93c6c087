"""Throughput: many tasks in one process, several processes; the requests that many tasks share on Upstash."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from contextlib import AsyncExitStack
from pathlib import Path
from typing import TYPE_CHECKING

from sessionkit_integrations import SessionManager, UpstashStore
from tests.benchmarks.floor import load_script
from tests.benchmarks.lines import Line, Target, Versus, compared, in_microseconds
from tests.benchmarks.load import Load
from tests.benchmarks.measuring import WARM_UP, contest, processor_seconds
from tests.benchmarks.setting import WINDOW
from tests.upstash_rest import TOKEN

if TYPE_CHECKING:
    from tests.benchmarks.setting import Setting

ROW = "Redis: throughput of writing turns"
UPSTASH = "Upstash REST: many turns at once"
FLOOR = "bare EVALSHA, same driver"
TASKS_TO_FLOOR = Target("≥", 1.3)
PROCESSOR_TO_FLOOR = Target("≤", 1 / 1.3)
PROCESSES_TO_FLOOR = Target("≥", 1.0)
MOST_REQUESTS = Target("≤", 0.25)
ROOT = Path(__file__).parents[2]


async def tasks(setting: Setting) -> list[Line]:
    """Return the lines of many tasks in one process: their throughput, and the time that the process computes."""
    setting.client.flushall()
    load_script(setting)
    sizes = setting.sizes
    what, turns = f"{sizes.tasks} asyncio tasks, 1 process", sizes.tasks * sizes.rounds
    async with AsyncExitStack() as stack:
        load = Load(setting.url, "one", sizes.tasks, sizes.rounds, stack)
        # Made before they are measured: three times to warm up, and once for each block, on both clocks.
        ready = [load.words() for _ in range(2 * (sizes.blocks.repetitions + WARM_UP))]
        sides = {"ours": load.ours, "floor": lambda: load.floor(ready.pop())}
        times = await contest(sides, sizes.blocks)
        computed = await contest(sides, sizes.blocks, processor_seconds)
    per_turn = {name: in_microseconds([seconds / turns for seconds in each]) for name, each in computed.items()}
    versus = Versus(FLOOR, PROCESSOR_TO_FLOOR)
    return [
        _line(what, times, turns, TASKS_TO_FLOOR),
        compared(ROW, f"ours, {what}", "µs computed a turn", per_turn["ours"], per_turn["floor"], versus),
    ]


async def processes(setting: Setting) -> list[Line]:
    """Return the line of several processes."""
    setting.client.flushall()
    load_script(setting)
    sizes = setting.sizes
    started = [_process(setting, number) for number in range(sizes.processes)]
    try:

        def all_of_them(kind: str) -> None:
            for process in started:
                print(kind, file=process.stdin, flush=True)
            for process in started:
                if process.stdout is None or not process.stdout.readline():
                    raise RuntimeError("a process has ended")

        times = await contest(
            {"ours": lambda: all_of_them("ours"), "floor": lambda: all_of_them("floor")}, sizes.blocks
        )
    finally:
        for process in started:
            process.communicate()
    turns = sizes.processes * sizes.tasks * sizes.rounds
    return [_line(f"{sizes.processes} processes of {sizes.tasks} asyncio tasks", times, turns, PROCESSES_TO_FLOOR)]


async def upstash(setting: Setting) -> list[Line]:
    """Return the line of turns of many tasks on Upstash."""
    setting.client.flushall()
    count = setting.sizes.tasks
    async with SessionManager(WINDOW, UpstashStore(setting.upstash.url, TOKEN)) as sessions:

        async def take(name: str) -> None:
            await sessions.aprompt(name, "Hello")
            await sessions.aadd_assistant_message(name, "Hi")

        async def take_all() -> None:
            await asyncio.gather(*(take(f"task-{number}") for number in range(count)))

        await take_all()  # after which the endpoint knows our script
        before = setting.upstash.requests
        await take_all()
    requests = setting.upstash.requests - before
    return [
        Line(UPSTASH, f"ours, {count} asyncio tasks", "HTTP requests a turn", requests / count, target=MOST_REQUESTS)
    ]


def _process(setting: Setting, number: int) -> subprocess.Popen[str]:
    sizes = setting.sizes
    arguments = [setting.url, f"process-{number}", str(sizes.tasks), str(sizes.rounds)]
    command = [sys.executable, "-m", "tests.benchmarks.load", *arguments]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT)  # noqa: S603


def _line(what: str, times: dict[str, list[float]], turns: int, target: Target) -> Line:
    throughput = {name: [turns / seconds for seconds in each] for name, each in times.items()}
    versus = Versus(FLOOR, target)
    return compared(ROW, f"ours, {what}", "turns/s", throughput["ours"], throughput["floor"], versus)
