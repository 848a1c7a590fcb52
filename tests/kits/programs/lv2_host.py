"""A small LV2 host in ctypes: runs one plugin, block by block, with MIDI in and sound out.

It knows what drumkv1 needs (ports for events in and out, two for sound in and two for sound out,
then controls; the features URID map and worker), and no more.
"""

import ctypes
import re
import struct
from collections.abc import Sequence
from ctypes import CFUNCTYPE, POINTER, Structure, byref, c_char_p, c_double, c_uint32, c_void_p
from pathlib import Path

import numpy as np

BLOCK = 256
SEQUENCE_BYTES = 8192
MAP, SCHEDULE = b"http://lv2plug.in/ns/ext/urid#map", b"http://lv2plug.in/ns/ext/worker#schedule"
WORKER = b"http://lv2plug.in/ns/ext/worker#interface"
STATE = b"http://lv2plug.in/ns/ext/state#interface"
ATOM = b"http://lv2plug.in/ns/ext/atom#"
MIDI = b"http://lv2plug.in/ns/ext/midi#MidiEvent"
_PORTABLE = 3  # flags of a state: plain data, for any machine

Event = tuple[int, bytes]
"""A MIDI message at a frame."""

_Map = CFUNCTYPE(c_uint32, c_void_p, c_char_p)
_Schedule = CFUNCTYPE(c_uint32, c_void_p, c_uint32, c_void_p)
_Respond = CFUNCTYPE(c_uint32, c_void_p, c_uint32, c_void_p)
_Work = CFUNCTYPE(c_uint32, c_void_p, _Respond, c_void_p, c_uint32, c_void_p)
_Store = CFUNCTYPE(c_uint32, c_void_p, c_uint32, c_void_p, ctypes.c_size_t, c_uint32, c_uint32)
_Save = CFUNCTYPE(c_uint32, c_void_p, _Store, c_void_p, c_uint32, c_void_p)


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

    def __init__(self, plugin: Path, controls: Sequence[float], rate: int) -> None:
        self.news: list[bytes] = []
        """What the plugin has asked to be worked on."""
        self._uris: dict[bytes, int] = {}
        self._work: list[bytes] = []
        library = ctypes.CDLL(str(plugin))
        library.lv2_descriptor.restype = POINTER(_Descriptor)
        self._descriptor = library.lv2_descriptor(0)
        self._calls = self._descriptor.contents
        self._instance = c_void_p(self._instantiate(plugin, rate))
        self._controls = np.array(controls, np.float32)
        self._in = ctypes.create_string_buffer(SEQUENCE_BYTES)
        self._out = ctypes.create_string_buffer(SEQUENCE_BYTES)
        self._silence = np.zeros(BLOCK, np.float32)
        self._audio = np.zeros((2, BLOCK), np.float32)
        self._connect()
        self._calls.activate(self._instance)

    def urid(self, uri: bytes) -> int:
        return self._uris.setdefault(uri, len(self._uris) + 1)

    def run(self, events: Sequence[Event] = ()) -> np.ndarray:
        """Run one block with MIDI messages at their frames; returns it, shape (BLOCK, 2)."""
        body = struct.pack("II", 0, 0)
        for frame, message in events:
            body += struct.pack("qII", frame, len(message), self.urid(MIDI))
            body += message.ljust(8, b"\0")
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

        def store(_handle: int, key: int, value: int, size: int, _kind: int, _flags: int) -> int:
            uri = next(uri for uri, number in self._uris.items() if number == key)
            saved[uri.decode()] = ctypes.string_at(value, size)
            return 0

        save = ctypes.cast(c_void_p(self._calls.extension_data(STATE)), POINTER(_Save))[0]
        no_features = (c_void_p * 1)()
        save(self._instance, _Store(store), None, _PORTABLE, ctypes.addressof(no_features))
        return saved

    def _instantiate(self, plugin: Path, rate: int) -> int:
        def schedule(_handle: int, size: int, data: int) -> int:
            self._work.append(ctypes.string_at(data, size))
            self.news.append(self._work[-1])
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
            rate,
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


def defaults(description: Path) -> list[float]:
    """The defaults of a plugin's controls, in the order of their ports, from its Turtle file."""
    text = description.read_text(encoding="utf-8")
    _, *ports = text.split("lv2:ControlPort")
    return [float(re.findall(r"lv2:default (\S+)", port)[0]) for port in ports]
