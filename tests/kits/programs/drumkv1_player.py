"""The process in which drumkv1 plays: reads an order as JSON, writes what is heard.

A script that imports little, so that it starts quickly. Its settings have the preset as program 1.
"""

import json
import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from lv2_host import BLOCK, Event, Host, defaults

STATE = "http://drumkv1.sourceforge.net/lv2#state"
NOTE_ON, NOTE_OFF, CONTROL, PROGRAM = 0x90, 0x80, 0xB0, 0xC0
NOTE_S = 0.03
LOADING_S = 60.0


def play(host: Host, hits: Sequence[tuple[float, int, int]], frames: int, rate: int) -> np.ndarray:
    """Strike keys, and let go of them at once; what is heard, shape (frames, 2)."""
    events = sorted(event for hit in hits for event in _events(*hit, rate))
    blocks = [np.zeros((0, 2), np.float32)]
    for first in range(0, frames, BLOCK):
        now = [(at - first, message) for at, message in events if first <= at < first + BLOCK]
        blocks.append(host.run(now))
    return np.concatenate(blocks)[:frames]


def load(host: Host) -> None:
    """Choose program 1; a thread of the plugin's loads it, and tells when it has."""
    host.run()
    host.news.clear()
    chosen = bytes([CONTROL, 0, 0]), bytes([CONTROL, 32, 0]), bytes([PROGRAM, 1])
    host.run([(0, message) for message in chosen])
    until = time.monotonic() + LOADING_S
    while not host.news:
        if time.monotonic() > until:
            raise TimeoutError("the preset was not loaded")
        time.sleep(0.005)
        host.run()


def _events(time_s: float, key: int, velocity: int, rate: int) -> tuple[Event, Event]:
    first = round(time_s * rate)
    off = first + round(NOTE_S * rate)
    return (first, bytes([NOTE_ON, key, velocity])), (off, bytes([NOTE_OFF, key, 64]))


def main() -> None:
    order = json.load(sys.stdin)
    bundle, rate = Path(order["bundle"]), order["rate"]
    host = Host(bundle / "drumkv1.so", defaults(bundle / "drumkv1.ttl"), rate)
    load(host)
    heard = play(host, order["hits"], round(order["seconds"] * rate), rate)
    np.savez(order["out"], heard=heard, state=host.state()[STATE].decode())


if __name__ == "__main__":
    main()
    os._exit(0)  # without tearing down a plugin whose thread may still run
