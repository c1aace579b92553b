"""Seeds, devices and threads: what makes the same settings give the same bits."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Iterator
from contextlib import contextmanager

import torch

from melib.settings import SettingsError

log = logging.getLogger(__name__)


def stream_seed(seed: int, name: str) -> int:
    """A seed for one named use of randomness: adding a use shifts no other."""
    return int.from_bytes(hashlib.blake2b(f"{seed} {name}".encode(), digest_size=7).digest(), "big")


def generator(seed: int, name: str) -> torch.Generator:
    """A CPU generator for one named use of randomness."""
    return torch.Generator().manual_seed(stream_seed(seed, name))


def pick_device(name: str) -> torch.device:
    """The torch device of a setting; "auto" takes CUDA where there is one. SettingsError where it cannot be had."""
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    try:
        device = torch.device(name)
    except RuntimeError:
        raise SettingsError(f"device = {name!r} is unknown; use auto, cpu, cuda or cuda:1.") from None
    if device.type == "cuda" and (device.index or 0) >= torch.cuda.device_count():
        raise SettingsError(
            f"device = {name!r}, but torch sees {torch.cuda.device_count()} CUDA devices; use auto or cpu."
        )
    return device


def computed_in(precision: str, device: torch.device) -> str:
    """The precision that a device computes in: "bf16" is fp32 on a processor that is known to lack its instructions.

    Emulated there, bfloat16 takes 1.3 to 9 times as long as fp32.
    """
    known = getattr(torch.cpu, "get_capabilities", dict)() if device.type == "cpu" else {}
    emulated = bool(known) and not any(there for name, there in known.items() if "bf16" in name)
    return "fp32" if emulated else precision


def report_precision(precision: str, device: torch.device) -> None:
    """Say in the log where a device computes in another precision than the one asked for."""
    if (instead := computed_in(precision, device)) != precision:
        log.warning("This processor has no bfloat16 instructions: precision %s is computed in %s.", precision, instead)


@contextmanager
def deterministic(threads: int) -> Iterator[None]:
    """Fixed thread count and deterministic kernels for as long as it lasts: the same settings give the same bits."""
    fill = torch.utils.deterministic.fill_uninitialized_memory
    before = torch.get_num_threads(), torch.are_deterministic_algorithms_enabled()
    torch.set_num_threads(threads)
    torch.use_deterministic_algorithms(True, warn_only=True)
    torch.utils.deterministic.fill_uninitialized_memory = False  # nothing reads it, and filling costs an eighth
    try:
        yield
    finally:
        torch.set_num_threads(before[0])
        torch.use_deterministic_algorithms(before[1])
        torch.utils.deterministic.fill_uninitialized_memory = fill
