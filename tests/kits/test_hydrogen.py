import gzip
import io
import os
import tarfile
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from libindex.kits.formats.hydrogen import Hydrogen
from libindex.kits.formats.hydrogen_instruments import from_xml, to_xml
from libindex.kits.kit import Kit, KitError, PadSettings, Voice
from libindex.kits.reading import read as read_any

FORMAT = Hydrogen()
NAMESPACE = "{http://www.hydrogen-music.org/drumkit}"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "kit.h2drumkit"


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    folder = tmp_path / "workspace"
    folder.mkdir()
    return folder


@pytest.fixture
def sample(tmp_path: Path) -> Callable[[str], str]:
    """Make a file whose contents are its name."""

    def make(name: str) -> str:
        file = tmp_path / "samples" / name
        file.parent.mkdir(exist_ok=True)
        file.write_bytes(name.encode(errors="surrogateescape"))
        return str(file)

    return make


def packed(path: Path, members: Iterable[tuple[tarfile.TarInfo | str, bytes]]) -> Path:
    with tarfile.open(path, "w:gz") as archive:
        for name, data in members:
            member = tarfile.TarInfo(name) if isinstance(name, str) else name
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
    return path


def drumkit(*instruments: str, info: str = "") -> bytes:
    return (
        f"<drumkit_info><name>Kit</name><info>{info}</info>"
        f"<instrumentList>{''.join(instruments)}</instrumentList></drumkit_info>"
    ).encode()


def instrument(inside: str, file_name: str = "a.wav") -> str:
    layer = f"<layer><filename>{file_name}</filename></layer>"
    return f"<instrument>{inside}<instrumentComponent>{layer}</instrumentComponent></instrument>"


def contents(path: Path) -> dict[str, bytes]:
    with tarfile.open(path) as archive:
        return {m.name: (archive.extractfile(m) or io.BytesIO()).read() for m in archive}


def read(path: Path, workspace: Path, description: bytes, *names: str) -> Kit:
    files = [("kit/drumkit.xml", description), *((f"kit/{name}", b"x") for name in names)]
    return FORMAT.read(packed(path, files), workspace)


def test_reads_what_it_wrote(path: Path, workspace: Path, sample: Callable[[str], str]) -> None:
    settings = PadSettings(gain_db=-4.5, pan=0.25, tune_semitones=-2.37, cutoff=0.7, resonance=0.3)
    kit = Kit(
        "Kit <1>",
        (
            Voice(0, sample("a.wav"), "kick", settings=settings),
            Voice(42, sample("closed.flac"), "hhc", choke_group=1),
            Voice(60, sample("what: this.ogg")),
            Voice(127, sample("open.flac"), "my-own-class", choke_group=128),
        ),
    )
    FORMAT.write(kit, path)
    again = FORMAT.read(path, workspace)
    assert [Path(v.sample).read_bytes() for v in again.voices] == [
        Path(v.sample).read_bytes() for v in kit.voices
    ]
    names = ["000 a.wav", "042 closed.flac", "060 what_ this.ogg", "127 open.flac"]
    assert again == replace(
        kit,
        voices=tuple(
            replace(voice, sample=str(workspace / name))
            for voice, name in zip(kit.voices, names, strict=True)
        ),
    )


def test_the_same_kit_gives_the_same_archive(tmp_path: Path, sample: Callable[[str], str]) -> None:
    kit = Kit("Kit", (Voice(36, sample("a.wav")),))
    for name in "ab":
        FORMAT.write(kit, tmp_path / name)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def test_holds_a_shared_sample_once(
    path: Path, workspace: Path, sample: Callable[[str], str]
) -> None:
    FORMAT.write(Kit("Kit", (Voice(36, sample("a.wav")), Voice(37, sample("a.wav")))), path)
    assert list(contents(path)) == ["Kit/drumkit.xml", "Kit/036 a.wav"]
    assert len({voice.sample for voice in FORMAT.read(path, workspace).voices}) == 1


def test_names_files_after_what_they_are_in_the_library(
    path: Path, workspace: Path, sample: Callable[[str], str]
) -> None:
    voice = Voice(36, sample("036 kick - a.wav"), "kick", source="/library/deep 808.wav")
    FORMAT.write(Kit("Kit", (voice,)), path)
    assert "Kit/036 deep 808.wav" in contents(path)
    assert b"<name>kick: deep 808</name>" in contents(path)["Kit/drumkit.xml"]


@pytest.mark.parametrize(
    ("name", "safe"),
    [
        ("a & <b> \"c\" 'd'.wav", "036 a & _b_ _c_ _d_.wav"),
        ("größe.WAV", "036 große.wav".replace("ß", "_")),
        ("鼓.wav", "036 _.wav"),
        ("-rf * $(x).wav", "036 -rf _ _(x).wav"),
        ("\udcff.wav", "036 _.wav"),
        ("no ending", "036 no ending.wav"),
        ("n" * 200 + ".flac", "036 " + "n" * 80 + ".flac"),
    ],
)
def test_any_name_becomes_a_safe_one(
    path: Path, workspace: Path, sample: Callable[[str], str], name: str, safe: str
) -> None:
    kit = Kit(name, (Voice(36, sample(name)),))
    FORMAT.write(kit, path)
    again = FORMAT.read(path, workspace)
    assert Path(again.voices[0].sample) == workspace / safe
    assert Path(again.voices[0].sample).read_bytes() == Path(kit.voices[0].sample).read_bytes()
    assert again.name == name.replace("\udcff", "\N{REPLACEMENT CHARACTER}")


def test_samples_that_are_gone_are_reported(path: Path) -> None:
    with pytest.raises(KitError, match="No such file") as caught:
        FORMAT.write(Kit("Kit", (Voice(36, "/gone/a.wav"),)), path)
    assert caught.value.path == "/gone/a.wav"


@given(
    st.builds(
        PadSettings,
        gain_db=st.floats(-40, 12),
        pan=st.floats(-1, 1),
        tune_semitones=st.floats(-36, 36),
        cutoff=st.floats(0.05, 0.85),
        resonance=st.floats(0.02, 1),
    )
)
def test_any_settings_in_their_ranges_comes_back(settings: PadSettings) -> None:
    voice = Voice(36, "/a.wav", settings=settings)
    document = ElementTree.fromstring(to_xml(Kit("Kit", (voice,)), {"/a.wav": "a.wav"}))
    for element in document.iter():
        element.tag = element.tag.removeprefix(NAMESPACE)
    again = from_xml(document, Path("kit"), Path).voices[0].settings
    for field in PadSettings.__slots__:
        assert getattr(again, field) == pytest.approx(getattr(settings, field), abs=2e-4), field


@pytest.mark.parametrize("cutoff", [0.86, 0.9, 0.95, 0.99])
def test_above_7_khz_the_cutoff_comes_back_without_resonance(cutoff: float) -> None:
    voice = Voice(36, "/a.wav", settings=PadSettings(cutoff=cutoff, resonance=0.5))
    document = ElementTree.fromstring(to_xml(Kit("Kit", (voice,)), {"/a.wav": "a.wav"}))
    for element in document.iter():
        element.tag = element.tag.removeprefix(NAMESPACE)
    again = from_xml(document, Path("kit"), Path).voices[0].settings
    near: Any = pytest.approx(cutoff, abs=2e-4)
    assert again == PadSettings(cutoff=near)


def test_reads_the_loudest_layer(path: Path, workspace: Path) -> None:
    layers = "".join(
        f"<layer><filename>{name}.wav</filename><max>{most}</max><gain>{gain}</gain></layer>"
        for name, most, gain in (("soft", 0.5, 1), ("hard", 1, 0.5), ("mid", 0.75, 1))
    )
    kit = read(
        path,
        workspace,
        drumkit(
            "<instrument><volume>0.5</volume><instrumentComponent><gain>2</gain>"
            f"{layers}</instrumentComponent></instrument>"
        ),
        "hard.wav",
    )
    assert [Path(voice.sample).name for voice in kit.voices] == ["hard.wav"]
    assert kit.voices[0].settings.gain_db == pytest.approx(-6.02, abs=0.01)


@pytest.mark.parametrize(
    "inside",
    [
        "<layer><filename>a.wav</filename></layer>",  # 0.9.3 to 0.9.6
        "<filename>a.wav</filename>",  # before
        "<instrumentComponent><layer><filename>x/a.wav</filename></layer></instrumentComponent>",
    ],
)
def test_reads_kits_of_older_versions(path: Path, workspace: Path, inside: str) -> None:
    pans = "<pan_L>0.5</pan_L><pan_R>1</pan_R>"
    kit = read(path, workspace, drumkit(f"<instrument>{pans}{inside}</instrument>"), "a.wav")
    assert kit.voices == (Voice(36, str(workspace / "a.wav"), settings=PadSettings(pan=0.5)),)


@pytest.mark.parametrize(
    ("notes", "keys"),
    [
        (("50", "40"), [40, 50]),
        (("60", "60"), [36, 37]),  # the same output note everywhere: keys are counted
        (("50", ""), [36, 37]),
        (("50", "loud"), [36, 37]),
        (("127", "128"), [127]),  # no MIDI note reaches it
    ],
)
def test_finds_keys_as_hydrogen_does(
    path: Path, workspace: Path, notes: tuple[str, str], keys: list[int]
) -> None:
    empty = "<instrument><midiOutNote>41</midiOutNote></instrument>"
    pads = [instrument(f"<midiOutNote>{note}</midiOutNote>") for note in notes]
    kit = read(path, workspace, drumkit(empty, *pads), "a.wav")
    assert [voice.key for voice in kit.voices] == keys


@pytest.mark.parametrize(
    ("info", "name", "code"),
    [
        ("Made with libindex.", "zap: a", "zap"),
        ("", "kick: a", "kick"),
        ("", "Tom: high", None),
        ("", "Snare Rimshot", None),
    ],
)
def test_takes_classes_from_names(
    path: Path, workspace: Path, info: str, name: str, code: str | None
) -> None:
    described = drumkit(instrument(f"<name>{name}</name>"), info=info)
    assert read(path, workspace, described, "a.wav").voices[0].class_code == code


LINK = tarfile.TarInfo("kit/a.wav")
LINK.type, LINK.linkname = tarfile.SYMTYPE, "/etc/passwd"
DEVICE = tarfile.TarInfo("kit/a.wav")
DEVICE.type = tarfile.CHRTYPE
GOOD = ("kit/drumkit.xml", drumkit(instrument("")))


@pytest.mark.parametrize(
    ("members", "reason"),
    [
        ([], "no drumkit.xml"),
        ([("kit/a.wav", b"x")], "no drumkit.xml"),
        ([GOOD], "has no sample 'a.wav'"),
        ([GOOD, ("a.wav", b"x")], "has no sample 'a.wav'"),
        ([GOOD, (LINK, b"")], "has no sample"),
        ([GOOD, (DEVICE, b"")], "has no sample"),
        ([("kit/drumkit.xml", b"<song/>")], "contains <song>"),
        ([("kit/drumkit.xml", b"kick")], "syntax error"),
        ([("kit/drumkit.xml", drumkit())], "no samples"),
        ([("kit/drumkit.xml", b'<!DOCTYPE d [<!ENTITY e "e">]><d>&e;</d>')], "entities"),
        ([("kit/drumkit.xml", b"<drumkit_info>" * 10_000)], "nested"),
        ([("kit/drumkit.xml", b" " * 33 * 2**20)], "too large"),
        ([(f"kit/{n}", b"") for n in range(2_001)], "larger than a kit can be"),
    ],
)
def test_what_is_no_kit_is_refused(
    path: Path, workspace: Path, members: list[tuple[str, bytes]], reason: str
) -> None:
    with pytest.raises(KitError, match=reason) as caught:
        FORMAT.read(packed(path, members), workspace)
    assert caught.value.path == path
    assert "\n" not in str(caught.value)
    assert not list(workspace.iterdir())


@pytest.mark.parametrize("evil", ["../evil.wav", "/evil.wav", "kit/../../evil.wav", ".."])
def test_nothing_lands_outside_of_the_workspace(path: Path, workspace: Path, evil: str) -> None:
    files = [
        ("kit/drumkit.xml", drumkit(instrument("", evil))),
        (evil, b"x"),
        (f"kit/{evil}", b"x"),
    ]
    packed(path, files)
    with suppress(KitError):
        FORMAT.read(path, workspace)
    assert not [p for p in path.parent.rglob("*.wav") if p.parent != workspace]


def test_samples_in_folders_of_the_archive_are_found(path: Path, workspace: Path) -> None:
    files = [
        ("kit/drumkit.xml", drumkit(instrument("", "sub/a.wav"))),
        ("kit/sub/a.wav", b"a"),
        ("other/a.wav", b"other"),
    ]
    [voice] = FORMAT.read(packed(path, files), workspace).voices
    assert Path(voice.sample).read_bytes() == b"a"


def test_a_sample_that_claims_to_be_huge_is_refused(path: Path, workspace: Path) -> None:
    member = tarfile.TarInfo("kit/a.wav")
    member.size = 2**40
    path.write_bytes(member.tobuf())
    with pytest.raises(KitError, match="larger than a kit can be"):
        FORMAT.read(path, workspace)


@pytest.mark.parametrize("keep", [0, 1, 30, 0.5, -1])
def test_damaged_archives_are_refused(
    path: Path, workspace: Path, sample: Callable[[str], str], keep: float
) -> None:
    FORMAT.write(Kit("Kit", (Voice(36, sample("a.wav")),)), path)
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * keep) if 0 < keep < 1 else int(keep)])
    with pytest.raises(KitError, match=r"is not a kit archive|no drumkit"):
        FORMAT.read(path, workspace)


@pytest.mark.parametrize("data", [b"", b"RIFF", b"\x1f\x8b", gzip.compress(b"kick" * 999, mtime=0)])
def test_other_files_are_refused(path: Path, workspace: Path, data: bytes) -> None:
    path.write_bytes(data)
    with pytest.raises(KitError, match="is not a kit archive"):
        FORMAT.read(path, workspace)


def test_archives_that_are_not_packed_are_read(path: Path, workspace: Path) -> None:
    read(path, workspace, drumkit(instrument("")), "a.wav")
    (workspace / "a.wav").unlink()
    path.write_bytes(gzip.decompress(path.read_bytes()))
    assert FORMAT.read(path, workspace).voices[0].key == 36


def test_kits_that_are_not_there_are_refused(path: Path, workspace: Path) -> None:
    with pytest.raises(KitError, match="can't be read"):
        FORMAT.read(path, workspace)


@pytest.fixture
def installed(tmp_path: Path) -> Callable[..., Path]:
    """A kit as Hydrogen keeps those that are installed: a folder; returns its `drumkit.xml`."""

    def make(description: bytes, *names: str) -> Path:
        folder = tmp_path / "drumkits" / "GMkit"
        for name in names:
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_bytes(b"x")
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "drumkit.xml").write_bytes(description)
        return folder / "drumkit.xml"

    return make


@pytest.mark.parametrize("file_name", ["ki ck.wav", "sub/ki ck.wav"])
def test_an_installed_kit_is_read_as_the_packed_one(
    path: Path, workspace: Path, installed: Callable[..., Path], file_name: str
) -> None:
    pads = [
        instrument(f"<name>snr: a</name><midiOutNote>{k}</midiOutNote>", file_name)
        for k in (36, 38)
    ]
    description = drumkit(*pads)
    files = installed(description, file_name)
    packed_kit = read(path, workspace, description, file_name)
    for place in (files, files.parent):
        found = read_any(place, workspace)
        assert [Path(v.sample) for v in found.voices] == [files.parent / file_name] * 2
        assert replace(found, voices=_without_samples(found)) == replace(
            packed_kit, voices=_without_samples(packed_kit)
        )


def _without_samples(kit: Kit) -> tuple[Voice, ...]:
    return tuple(replace(voice, sample="") for voice in kit.voices)


def test_samples_that_an_installed_kit_lacks_are_named(
    workspace: Path, installed: Callable[..., Path]
) -> None:
    files = installed(drumkit(instrument("", "gone.wav"), instrument("", "n" * 300 + ".wav")))
    samples = [Path(voice.sample) for voice in read_any(files, workspace).voices]
    assert samples == [files.parent / "gone.wav", files.parent / ("n" * 300 + ".wav")]


@pytest.mark.parametrize("evil", ["/etc/passwd", "../../passwd", "sub/../../../passwd"])
def test_an_installed_kit_has_its_samples_in_its_folder(
    workspace: Path, installed: Callable[..., Path], evil: str
) -> None:
    files = installed(drumkit(instrument("", evil)))
    [voice] = read_any(files, workspace).voices
    assert voice.sample == str(files.parent / "passwd")


@pytest.mark.parametrize(
    ("description", "reason"),
    [
        (b"", "no element found"),
        (b"<song/>", "contains <song>"),
        (drumkit(), "no samples"),
        (b'<!DOCTYPE d [<!ENTITY e "e">]><d>&e;</d>', "entities"),
        (b"<drumkit_info>" * 10_000, "nested"),
        (b" " * 33 * 2**20, "too large"),
    ],
)
def test_folders_that_are_no_installed_kit_are_refused(
    workspace: Path, installed: Callable[..., Path], description: bytes, reason: str
) -> None:
    files = installed(description)
    with pytest.raises(KitError, match=reason) as caught:
        read_any(files.parent, workspace)
    assert caught.value.path == files


def test_a_pipe_in_the_place_of_a_description_is_not_waited_for(
    workspace: Path, installed: Callable[..., Path]
) -> None:
    files = installed(b"")
    files.unlink()
    os.mkfifo(files)
    with pytest.raises(KitError, match="is not a file"):
        read_any(files, workspace)
    with pytest.raises(KitError, match="is not a kit: it holds no preset"):
        read_any(files.parent, workspace)
