"""Pads: filled from what is shown, swapped for similar sounds, and written as kits."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from sqlalchemy import select

from libindex.instruments import name_of
from libindex.kits import FORMATS, LAYOUTS, Kit, KitError, Pad, Recipe, build, find_layout, write
from libindex.kits.assignment import Choice
from libindex.kits.building import build_of
from libindex.kits.kit import EmptyKitError
from libindex.kits.layouts import Layout
from libindex.kits.recipe import MIN_PROBABILITY
from libindex.kits.writing import check_target
from libindex.paths import display
from libindex.queries import Filters, sample_at
from libindex.queries.sounds import Sound, sounds
from libindex.serve.context import Context
from libindex.serve.filtering import filters_of
from libindex.serve.inside import check_outside
from libindex.serve.replies import Body, Refusal, Reply, ids_of, is_id, number_of, route
from libindex.store.schema import analyses, contents

_MOST_BYTES = 2**24  # a selection of a million sounds
_DIGITS = 4  # of the key of a pad
_SIMILAR = 200  # that are looked at for a pad

Sounds = dict[int, Sound]
"""By id of content."""


def _layouts(context: Context, _: Body) -> Reply:
    classes = context.library.kits.classes()
    layouts = (find_layout(name, classes) for name in LAYOUTS)
    return {"layouts": [{"name": one.name, "pads": _shown(one, {}, {})} for one in layouts]}


def _assign(context: Context, body: Body) -> Reply:
    """Fill the pads that are not locked, as `Library.kit` does."""
    layout = _layout(context, body)
    locked = _pads(body, "locked")
    with context.library.reading() as (connection, _):
        filters = filters_of(body, connection)
    held = _sounds(context, locked.values())
    # Their pads and sounds are taken already.
    rest = tuple(pad for pad in layout.pads if pad.key not in locked)
    recipe = Recipe(
        layout=replace(layout, pads=rest),
        force=bool(body.get("force")),
        shuffle=bool(body.get("shuffle")),
        seed=int(number_of(body, "seed", 0, 2**32, 0)),
    )
    pads = dict(locked)
    if rest:
        material = context.library.selected(filters).material(recipe)
        taken = {sound.digest for sound in held.values()}
        try:
            kit = build("kit", material.without(lambda sound: sound.digest in taken), recipe)
        except EmptyKitError as error:
            if not locked:
                raise Refusal(404, "nothing_fits", error.reason) from None
        else:
            pads |= _ids(context, kit)
    return {"pads": _shown(layout, pads, _sounds(context, pads.values()), context)}


def _swap(context: Context, body: Body) -> Reply:
    """Put a similar sound of the pad's class onto each of some pads."""
    layout = _layout(context, body)
    pads = _pads(body, "pads")
    keys = body.get("keys")
    if not isinstance(keys, list):
        raise Refusal(400, "usage", "keys must be a list of keys")
    taken = {*pads.values(), *ids_of(body | {"skip": body.get("skip", [])}, "skip", 100_000)}
    held = _sounds(context, pads.values())
    with context.library.reading() as (connection, _):
        filters = filters_of(body, connection)
    for pad in layout.pads:
        sound = held.get(pads.get(pad.key, 0))
        if pad.key not in keys or sound is None:
            continue
        wanted = replace(filters, classes=pad.classes, min_prob=MIN_PROBABILITY)
        near = context.library.nearest(sound.embedding, _SIMILAR, wanted)
        other = next(
            (h.content_id for h in near if h.is_online and h.content_id not in taken), None
        )
        if other is not None:
            pads[pad.key] = other
            taken.add(other)
    return {"pads": _shown(layout, pads, _sounds(context, pads.values()), context)}


def _write(context: Context, body: Body) -> Reply:
    layout = _layout(context, body)
    pads = _pads(body, "pads")
    name, formats = body.get("name"), body.get("formats")
    if not isinstance(name, str) or not name.strip():
        raise Refusal(400, "usage", "the kit needs a name")
    known = isinstance(formats, list) and all(one in list(FORMATS) for one in formats)
    if not formats or not known:
        raise Refusal(400, "usage", f"formats must be some of {', '.join(FORMATS)}")
    out = Path(context.library.settings.kits)
    check_outside(context.library, str(out), "LIBINDEX_KITS")
    is_to_replace = bool(body.get("replace"))
    try:
        check_target(name.strip(), out, overwrite=is_to_replace)
    except KitError as error:
        status, code = (409, "exists") if (out / name.strip()).exists() else (400, "usage")
        raise Refusal(status, code, error.reason) from None
    recipe = Recipe(
        layout=layout,
        choke=bool(body.get("choke", True)),
        match_levels=bool(body.get("match_levels")),
    )
    held = _sounds(context, pads.values())
    by_key = {pad.key: pad for pad in layout.pads}
    classes = context.library.classes()
    chosen = {
        key: _choice(by_key[key], held[content], classes)
        for key, content in pads.items()
        if key in by_key and content in held
    }
    lost = [key for key, content in pads.items() if content not in held]
    try:
        kit, left_out = build_of(name.strip(), chosen, recipe)
        folder = write(kit, [FORMATS[one] for one in formats], out, overwrite=is_to_replace)
    except EmptyKitError as error:
        raise Refusal(400, "empty", error.reason) from None
    except KitError as error:
        raise Refusal(500, "failed", error.reason, str(error.path or out)) from None
    return {
        "folder": display(folder),
        "pads": len(kit.voices),
        "warnings": [
            *(f"pad {key}: its drive is not there" for key in lost),
            *(f"pad {key}: {why}" for key, why in left_out.items()),
        ],
    }


def _layout(context: Context, body: Body) -> Layout:
    name = body.get("layout")
    if (
        not isinstance(name, str) or name not in LAYOUTS
    ):  # never a path: those of files are for the command line
        raise Refusal(400, "usage", f"layout must be one of {', '.join(LAYOUTS)}")
    return find_layout(name, context.library.kits.classes())


def _pads(body: Body, key: str) -> dict[int, int]:
    """Keys of pads with ids of sounds, as they were sent."""
    sent = body.get(key) or {}
    if not isinstance(sent, dict) or not all(_is_pad(k) and is_id(v) for k, v in sent.items()):
        raise Refusal(400, "usage", f"{key} must have ids by keys")
    return {int(pad): content for pad, content in sent.items()}


def _is_pad(key: str) -> bool:
    return key.isdecimal() and len(key) <= _DIGITS


def _sounds(context: Context, ids: Any) -> Sounds:
    """Sounds whose files are available, by id."""
    wanted = sorted(set(ids))
    with context.library.reading() as (connection, network):
        if network is None:
            return {}
        query = select(analyses.c.id, analyses.c.content_id, contents.c.digest).join(contents)
        query = query.where(analyses.c.network_id == network.id, analyses.c.content_id.in_(wanted))
        rows = connection.execute(query).all()
        found = sounds(connection, network, Filters(), [row.id for row in rows])
    by_digest = {sound.digest: sound for sound in reversed(found)}
    return {row.content_id: by_digest[row.digest] for row in rows if row.digest in by_digest}


def _ids(context: Context, kit: Kit) -> dict[int, int]:
    """The ids of a kit's sounds, by key."""
    with context.library.database.reading() as connection:
        found = {v.key: sample_at(connection, v.sample) for v in kit.voices}
    return {k: one.content_id for k, one in found.items() if one and one.content_id}


def _choice(pad: Pad, sound: Sound, classes: tuple[str, ...]) -> Choice:
    """A sound on a pad, for the class of the pad that it fits best."""
    known = [code for code in pad.classes if code in classes] or [classes[0]]
    best = max(known, key=lambda code: float(sound.probabilities[classes.index(code)]))
    return Choice(sound, best, float(sound.probabilities[classes.index(best)]))


def _shown(
    layout: Layout, pads: Mapping[int, int], held: Sounds, context: Context | None = None
) -> list[dict[str, Any]]:
    classes = context.library.classes() if context else ()
    shown = []
    for pad in layout.pads:
        content = pads.get(pad.key)
        sound = held.get(content or 0)
        shown.append(
            {
                "key": pad.key,
                "classes": list(pad.classes),
                "label": name_of(pad.classes[0]),
                "choke": pad.choke_group,
                "id": content,
                "probability": sound and round(_choice(pad, sound, classes).probability, 3),
            }
        )
    return shown


ROUTES = (
    route("/api/kits/layouts", "GET", _layouts),
    route("/api/kits/assign", "POST", _assign, _MOST_BYTES),
    route("/api/kits/swap", "POST", _swap, _MOST_BYTES),
    route("/api/kits/write", "POST", _write),
)
