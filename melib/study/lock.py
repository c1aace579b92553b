"""A lock that outlives its holders: of the files `lock.1`, `lock.2`, ... in a folder, the highest number holds.

Whoever finds that holder dead creates the next number, which can succeed for one alone. A holder on this host is dead
when its process is; one on another host, when nobody has seen its heartbeat change for `STALE` seconds of the
observer's own monotonic clock. No wall clock is read, so none can mislead.
"""

from __future__ import annotations

import contextlib
import json
import os
import platform
import signal
import time
from dataclasses import dataclass
from functools import cache
from pathlib import Path

BEAT = 5.0  # seconds between two heartbeats
STALE = 60.0  # seconds without one after which a holder on another host is dead
TOKEN = "MELIB_LOCK"  # the environment variable by which a holder's descendants are known


@dataclass(frozen=True)
class Holder:
    """Who holds a lock: its number and what its file says."""

    number: int
    text: str

    @property
    def host(self) -> str:
        """The name of the holder's host, "?" while the file is being written."""
        return _read(self.text).get("host", "?").split()[0]

    def is_dead(self) -> bool:
        """Whether it is known here and now to be dead; a holder on another host never is."""
        who = _read(self.text)
        return bool(who.get("start")) and who["host"] == this_host() and started(who["pid"]) != who["start"]


def holder(work: Path) -> Holder | None:
    """The holder of the lock in `work`, dead or alive; None where there is none."""
    numbers = [int(path.suffix[1:]) for path in work.glob("lock.*")]
    if not numbers:
        return None
    try:
        return Holder(max(numbers), (work / f"lock.{max(numbers)}").read_text())
    except FileNotFoundError:  # just released
        return holder(work)


def next_number(work: Path, stale: int = 0) -> int | None:
    """The number with which the lock can be taken, None while it is held; numbers up to `stale` are known as dead."""
    held = holder(work)
    if held is None:
        return 1
    return held.number + 1 if held.number <= stale or held.is_dead() else None


class Watch:
    """An observer of locks, which remembers since when each has not changed."""

    def __init__(self, clock=time.monotonic):
        self.clock = clock
        self.seen = {}

    def stale(self, work: Path) -> int:
        """The number of the holder whose heartbeat has stood still for too long, else 0."""
        held = holder(work)
        if held is None:
            return 0
        if self.seen.get(work, (None, 0))[0] != held:
            self.seen[work] = held, self.clock()
        return held.number if self.clock() - self.seen[work][1] > STALE else 0


class Lock:
    """A lock that this process holds."""

    def __init__(self, path: Path, file: int):
        self.path = path
        self.file = file
        self.beats = 0

    def beat(self) -> bool:
        """Record that the holder lives. False where it has been taken for dead and the lock is lost."""
        self.beats += 1
        who = {"host": this_host(), "pid": os.getpid(), "start": started(os.getpid()), "beat": f"{self.beats:09}"}
        with contextlib.suppress(OSError):  # a full disk is no reason to give up, nor is a lock just released
            os.pwrite(self.file, json.dumps(who).encode(), 0)  # into its own file, even where that was removed
        held = holder(self.path.parent)
        return held is not None and self.path.suffix == f".{held.number}"

    def release(self) -> None:
        """Give the lock back."""
        self.path.unlink(missing_ok=True)
        file, self.file = self.file, -1
        with contextlib.suppress(OSError):
            os.close(file)


def take(work: Path, number: int) -> Lock | None:
    """Take the lock as `number`, which `next_number` gave; None where someone else was first.

    What earlier holders on this host left running is killed before this returns. TOKEN in the environment makes this
    process's children known as the new holder's.
    """
    work.mkdir(parents=True, exist_ok=True)
    path = work / f"lock.{number}"
    try:
        lock = Lock(path, os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o644))
    except FileExistsError:
        return None
    lock.beat()
    for earlier in range(1, number):
        kill_children(path.with_suffix(f".{earlier}"))
    os.environ[TOKEN] = str(path)
    return lock


def kill_children(path: Path) -> None:
    """Kill the processes on this host that descend from the holder of the lock file `path`; Linux only.

    Elsewhere a kernel ends by itself within a second of its parent.
    """
    token = f"{TOKEN}={path}\0".encode()
    for environment in Path("/proc").glob("[0-9]*/environ"):
        with contextlib.suppress(OSError):
            if token in environment.read_bytes() and int(environment.parent.name) != os.getpid():
                os.kill(int(environment.parent.name), signal.SIGKILL)


@cache
def this_host() -> str:
    """This host, this boot of it, this namespace of process numbers and this user: where a process number means one."""
    with contextlib.suppress(OSError):
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        return f"{platform.node()} {boot} {os.readlink('/proc/self/ns/pid')} {os.getuid()}"
    return platform.node()


def started(pid: int) -> str:
    """When a process started, in the kernel's ticks since boot; "" where there is none or the system does not say."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return ""
    return "" if fields[0] in "ZX" else fields[19]  # a zombie is dead


def _read(text: str) -> dict:
    try:
        return json.loads(text)
    except ValueError:  # being written
        return {}
