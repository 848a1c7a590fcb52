"""A small LV2 host in ctypes: loads one plugin, sends it MIDI, records what it plays.

Run as a process of its own, since a plugin that crashes takes its host with it:

    python lv2_host.py PLUGIN.so DEFAULTS.json HITS.json OUT.npy

It knows what drumkv1 needs (a MIDI port, a notify port, two audio inputs and outputs, controls
from port 6 on; features URID map and worker), and no more.
"""

import ctypes
import struct
from collections.abc import Sequence
from ctypes import CFUNCTYPE, POINTER, Structure, byref, c_char_p, c_double, c_uint32, c_void_p
from pathlib import Path

import numpy as np

RATE = 44_100
BLOCK = 256
SEQUENCE_BYTES = 8192
MAP, SCHEDULE = b"http://lv2plug.in/ns/ext/urid#map", b"http://lv2plug.in/ns/ext/worker#schedule"
WORKER = b"http://lv2plug.in/ns/ext/worker#interface"
STATE = b"http://lv2plug.in/ns/ext/state#interface"
ATOM = b"http://lv2plug.in/ns/ext/atom#"
MIDI = b"http://lv2plug.in/ns/ext/midi#MidiEvent"

_Map = CFUNCTYPE(c_uint32, c_void_p, c_char_p)
_Schedule = CFUNCTYPE(c_uint32, c_void_p, c_uint32, c_void_p)
_Respond = CFUNCTYPE(c_uint32, c_void_p, c_uint32, c_void_p)
_Work = CFUNCTYPE(c_uint32, c_void_p, _Respond, c_void_p, c_uint32, c_void_p)
_Store = CFUNCTYPE(c_uint32, c_void_p, c_uint32, c_void_p, ctypes.c_size_t, c_uint32, c_uint32)
_Save = CFUNCTYPE(c_uint32, c_void_p, _Store, c_void_p, c_uint32, c_void_p)
_Retrieve = CFUNCTYPE(
    c_void_p, c_void_p, c_uint32, POINTER(ctypes.c_size_t), POINTER(c_uint32), POINTER(c_uint32)
)
_Restore = CFUNCTYPE(c_uint32, c_void_p, _Retrieve, c_void_p, c_uint32, c_void_p)


class _Pointers(Structure):
    """A handle or a URI, and what belongs to it: features, URID map, schedule."""

    _fields_ = (("first", c_void_p), ("second", c_void_p))


class _Feature(Structure):
    _fields_ = (("uri", c_char_p), ("data", c_void_p))


class _Descriptor(Structure):
    _fields_ = (
        ("uri", c_char_p),
        ("instantiate", CFUNCTYPE(c_void_p, c_void_p, c_double, c_char_p, c_void_p)),
        ("connect_port", CFUNCTYPE(None, c_void_p, c_uint32, c_void_p)),
        ("activate", CFUNCTYPE(None, c_void_p)),
        ("run", CFUNCTYPE(None, c_void_p, c_uint32)),
        ("deactivate", CFUNCTYPE(None, c_void_p)),
        ("cleanup", CFUNCTYPE(None, c_void_p)),
        ("extension_data", CFUNCTYPE(c_void_p, c_char_p)),
    )


class Host:
    """One plugin that runs."""

    def __init__(self, plugin: Path, defaults: Sequence[float]) -> None:
        self._uris: dict[bytes, int] = {}
        self._work: list[bytes] = []
        library = ctypes.CDLL(str(plugin))
        library.lv2_descriptor.restype = POINTER(_Descriptor)
        self._descriptor = library.lv2_descriptor(0)
        self._calls = self._descriptor.contents
        self._instance = c_void_p(self._instantiate(plugin))
        self._controls = np.array(defaults, np.float32)
        self._in = ctypes.create_string_buffer(SEQUENCE_BYTES)
        self._out = ctypes.create_string_buffer(SEQUENCE_BYTES)
        self._silence = np.zeros(BLOCK, np.float32)
        self._audio = np.zeros((2, BLOCK), np.float32)
        self._connect()
        self._calls.activate(self._instance)

    def urid(self, uri: bytes) -> int:
        return self._uris.setdefault(uri, len(self._uris) + 1)

    def run(self, events: Sequence[tuple[int, bytes]] = ()) -> np.ndarray:
        """Run one block with MIDI messages at their frames; returns it, shape (BLOCK, 2)."""
        body = struct.pack("II", 0, 0)
        for frame, message in events:
            body += struct.pack("qII", frame, len(message), self.urid(MIDI)) + message.ljust(
                8, b"\0"
            )
        sequence = struct.pack("II", len(body), self.urid(ATOM + b"Sequence")) + body
        ctypes.memmove(self._in, sequence, len(sequence))
        head = struct.pack("II", SEQUENCE_BYTES - 8, self.urid(ATOM + b"Chunk"))
        ctypes.memmove(self._out, head, len(head))
        self._calls.run(self._instance, BLOCK)
        self._do_work()
        return self._audio.T.copy()

    def state(self) -> dict[str, bytes]:
        """What the plugin saves."""
        saved: dict[str, bytes] = {}
        names = {}

        def store(_handle, key, value, size, _type, _flags):  # type: ignore[no-untyped-def]
            names.update({number: uri for uri, number in self._uris.items()})
            saved[names[key].decode()] = ctypes.string_at(value, size)
            return 0

        save = ctypes.cast(c_void_p(self._calls.extension_data(STATE)), POINTER(_Save))[0]
        no_features = (c_void_p * 1)()
        save(self._instance, _Store(store), None, 3, ctypes.addressof(no_features))
        return saved

    def restore(self, state: dict[str, bytes]) -> None:
        """Give the plugin a state, every property as a chunk."""
        kept = {
            self.urid(key.encode()): ctypes.create_string_buffer(v, len(v))
            for key, v in state.items()
        }

        def retrieve(_handle, key, size, kind, flags):  # type: ignore[no-untyped-def]
            value = kept.get(key)
            if value is None:
                return 0
            size[0], kind[0], flags[0] = len(value), self.urid(ATOM + b"Chunk"), 3
            return ctypes.addressof(value)

        table = ctypes.cast(c_void_p(self._calls.extension_data(STATE)), POINTER(_Restore))
        no_features = (c_void_p * 1)()
        table[1](self._instance, _Retrieve(retrieve), None, 0, ctypes.addressof(no_features))

    def _instantiate(self, plugin: Path) -> int:
        def schedule(_handle, size, data):  # type: ignore[no-untyped-def]
            self._work.append(ctypes.string_at(data, size))
            return 0

        self._callbacks = (_Map(lambda _, uri: self.urid(uri)), _Schedule(schedule))
        tables = [_Pointers(None, ctypes.cast(call, c_void_p)) for call in self._callbacks]
        features = [
            _Feature(uri, ctypes.cast(byref(table), c_void_p))
            for uri, table in zip((MAP, SCHEDULE), tables, strict=True)
        ]
        pointers = (c_void_p * 3)(*(ctypes.addressof(feature) for feature in features), None)
        self._kept = (tables, features, pointers)
        return self._calls.instantiate(
            ctypes.cast(self._descriptor, c_void_p),
            RATE,
            f"{plugin.parent}/".encode(),
            ctypes.addressof(pointers),
        )

    def _connect(self) -> None:
        buffers = [ctypes.addressof(self._in), ctypes.addressof(self._out)]
        buffers += [self._silence.ctypes.data] * 2
        buffers += [channel.ctypes.data for channel in self._audio]
        buffers += [self._controls.ctypes.data + 4 * i for i in range(len(self._controls))]
        for port, buffer in enumerate(buffers):
            self._calls.connect_port(self._instance, port, buffer)

    def _do_work(self) -> None:
        if not self._work:
            return
        table = ctypes.cast(c_void_p(self._calls.extension_data(WORKER)), POINTER(_Work))
        respond = _Respond(lambda *_: 0)
        while self._work:
            message = self._work.pop(0)
            table[0](self._instance, respond, None, len(message), message)
