import csv
import io
import json
import os
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest
import soundfile
from click.shell_completion import ShellComplete

from libindex.cli import main
from libindex.kits.layouts import LAYOUTS
from libindex.library import Library
from libindex.network.analyser import save_network
from libindex.network.architecture import NetworkConfig
from libindex.network.modelfile import ModelFile
from libindex.network.original import CnnLstm

LAYOUT = '[pads]\n36 = "kick"\n38 = "snare"\n42 = "closed hat"\n46 = "open hat"\n'


@pytest.fixture(scope="session")
def scanned(tmp_path_factory, small_model, tone) -> tuple[Path, Path]:
    """Six samples in two folders, and a database that knows them: to scan takes a second."""
    folder = tmp_path_factory.mktemp("kits") / "Samples"
    for number in range(6):
        path = folder / f"pack{number % 2}" / f"{number}.wav"
        path.parent.mkdir(parents=True, exist_ok=True)
        soundfile.write(path, tone(number), 44_100)
    database = folder.parent / "library.db"
    with Library.open(database, model=str(small_model), jobs=1) as library:
        library.scan(folder)
    return folder, database


@pytest.fixture
def samples(scanned, library) -> Path:
    folder, database = scanned
    shutil.copy(database, library.database.path)
    return folder


@pytest.fixture
def layout(tmp_path) -> Path:
    path = tmp_path / "mine.toml"
    path.write_text(LAYOUT)
    return path


@pytest.fixture
def build(cli, layout, tmp_path):
    """Build a kit of whatever there is; the samples are those of a network that guesses."""

    def run(name="K", *options, **more):
        return cli(
            "kit",
            "build",
            name,
            "--out",
            tmp_path / "Kits",
            "--layout",
            layout,
            "--force",
            *options,
            **more,
        )

    return run


def show(cli, path, *options):
    return json.loads(cli("kit", "show", path, "--format", "json", *options).stdout)


@pytest.mark.slow
def test_a_kit_in_one_command(build, samples, tmp_path) -> None:
    result = build()
    assert result.stdout == f"{tmp_path / 'Kits' / 'K'}\n"
    assert "4 of 4 pads" in result.stderr
    assert sorted(os.listdir(tmp_path / "Kits" / "K")) == ["K.sfz", "kit.json", "samples"]


@pytest.mark.parametrize(
    ("format_", "file"),
    [("drumkv1", "K.drumkv1"), ("hydrogen", "K.h2drumkit"), ("sfz", "K.sfz"),
     ("decentsampler", "K.dspreset"), ("folder", "pads")],
)  # fmt: skip
def test_every_format_is_written_and_shown(build, cli, samples, tmp_path, format_, file) -> None:
    build("K", "-f", format_)
    kit = show(cli, tmp_path / "Kits" / "K" / file)
    assert [pad["key"] for pad in kit["pads"]] == [36, 38, 42, 46]
    assert [pad["class"] for pad in kit["pads"]] == ["kick", "snr", "hhc", "hho"]
    whole = show(cli, tmp_path / "Kits" / "K")
    # The library knows the samples of the kit by their bytes.
    assert [p["probability"] for p in kit["pads"]] == pytest.approx(
        [p["probability"] for p in whole["pads"]], abs=1e-3
    )


def test_a_kit_in_the_current_folder(cli, samples, layout, tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    cli("kit", "build", "K", "-l", layout, "--force", "-f", "sfz")
    assert "sample=samples/036 kick" in (tmp_path / "K" / "K.sfz").read_text()
    assert all(p["sample"].startswith("samples/") for p in show(cli, "K/K.sfz")["pads"])


def test_several_formats_share_the_samples(build, samples, tmp_path) -> None:
    build("K", "-f", "sfz", "-f", "drumkv1", "-f", "sfz")
    names = sorted(os.listdir(tmp_path / "Kits" / "K"))
    assert names == ["K.drumkv1", "K.sfz", "kit.json", "samples"]


def test_filters_as_options_and_as_one_text(build, cli, samples, tmp_path) -> None:
    build("A", "--under", samples / "pack1")
    build("B", "--query", f"--under '{samples / 'pack1'}'")
    for name in "AB":
        sources = json.loads((tmp_path / "Kits" / name / "kit.json").read_text())["pads"]
        assert all(f"{samples / 'pack1'}/" in pad["source"] for pad in sources)
        assert len(sources) == 3


@pytest.mark.slow
def test_a_folder_that_was_never_scanned(
    build, cli, samples, write_sound, tmp_path, monkeypatch
) -> None:
    monkeypatch.setenv("LIBINDEX_DB", str(tmp_path / "none.db"))
    result = build("K", "--from", samples)
    assert "4 of 4 pads" in result.stderr
    assert not (tmp_path / "none.db").exists()
    assert len(show(cli, tmp_path / "Kits" / "K")["pads"]) == 4


@pytest.mark.slow
def test_without_a_library_none_is_made_anywhere(samples, layout, tmp_path, small_model) -> None:
    options = ["--from", samples, "-o", tmp_path / "Kits", "-l", layout, "--force", "-j", "1"]
    code = (
        "import sys; from libindex.cli import main;"
        "main(sys.argv[1:], standalone_mode=False);"
        "print('alembic' in sys.modules)"
    )
    command = [sys.executable, "-c", code, "kit", "build", "K", *map(str, options)]
    environment = {
        **os.environ, "LIBINDEX_DB": str(tmp_path / "none.db"), "LIBINDEX_MODEL": str(small_model)
    }  # fmt: skip
    result = subprocess.run(command, capture_output=True, text=True, check=True, env=environment)
    assert result.stdout.splitlines() == [str(tmp_path / "Kits" / "K"), "False"]


def test_like_a_sound(build, samples, tmp_path) -> None:
    assert "4 of 4 pads" in build("K", "--similar-to", samples / "pack0" / "0.wav").stderr
    assert "4 of 4 pads" in build("L", "--similar-to", "1.wav", "--max-duration", "9").stderr


@pytest.mark.slow
def test_every_folder_becomes_a_kit(cli, samples, layout, tmp_path) -> None:
    packs = tmp_path / "Packs"
    shutil.copytree(samples, packs)
    (packs / ".hidden").mkdir()
    (packs / "empty").mkdir()
    (packs / "linked").symlink_to(samples / "pack0")
    options = ("--layout", layout, "--force", "--min-pads", "3")
    result = cli("kit", "build-all", packs, "--out", tmp_path / "Kits", *options)
    assert sorted(os.listdir(tmp_path / "Kits")) == ["linked", "pack0", "pack1"]
    assert f"{packs / 'empty'}: skipped: the folder holds no samples" in result.stderr
    assert len(result.stdout.splitlines()) == 3


@pytest.mark.slow
def test_folders_that_would_be_no_kit_are_skipped(cli, samples, layout, tmp_path) -> None:
    packs, kits = tmp_path / "Packs", tmp_path / "Kits"
    shutil.copytree(samples / "pack0", packs / "four")
    shutil.copy(samples / "pack1" / "1.wav", packs / "four")
    shutil.copytree(samples / "pack0", packs / "three")
    (packs / "texts").mkdir()
    (packs / "texts" / "a.txt").write_text("no sound")
    (packs / "broken").mkdir()
    (packs / "broken" / "a.wav").write_text("no sound")
    command = ("kit", "build-all", packs, "--out", kits, "--layout", layout, "--force")
    result = cli(*command)
    assert os.listdir(kits) == ["four"]
    assert result.stdout == f"{kits / 'four'}\n"
    assert sorted(line for line in result.stderr.splitlines() if "skipped" in line) == [
        f"libindex: {packs / 'broken'}: skipped: its only sound can't be used: "
        f"{packs / 'broken' / 'a.wav'}: is not audio, or is damaged",
        f"libindex: {packs / 'texts'}: skipped: the folder holds no samples",
        f"libindex: {packs / 'three'}: skipped: only 3 pads, and --min-pads is 4",
    ]
    cli(*command, "--overwrite", "--min-pads", "3")
    assert sorted(os.listdir(kits)) == ["four", "three"]


def test_nothing_but_folders_that_are_no_kit_is_no_error(cli, samples, tmp_path) -> None:
    (tmp_path / "Packs" / "empty").mkdir(parents=True)
    result = cli("kit", "build-all", tmp_path / "Packs", "--out", tmp_path / "Kits")
    assert result.stdout == ""
    assert result.stderr.count("\n") == 1
    assert not (tmp_path / "Kits").exists()


@pytest.mark.slow
def test_one_folder_that_fails_costs_only_itself(
    cli, samples, layout, tmp_path, monkeypatch
) -> None:
    packs, kits = tmp_path / "Packs", tmp_path / "Kits"
    for name in ("good", "refused", "there"):
        shutil.copytree(samples, packs / name)
    (kits / "there").mkdir(parents=True)
    listdir = os.listdir

    def refused(path):
        if str(path).endswith("refused"):
            raise PermissionError(13, "Permission denied", path)
        return listdir(path)

    monkeypatch.setattr(os, "listdir", refused)
    result = cli("kit", "build-all", packs, "-o", kits, "-l", layout, "--force", code=1)
    assert result.stdout == f"{kits / 'good'}\n"
    assert f"libindex: {packs / 'refused'}: can't be listed (Permission denied)\n" in result.stderr
    assert "already exists" in result.stderr
    assert result.stderr.endswith("libindex: 2 of 3 kits could not be built\n")


@pytest.mark.slow
def test_folders_whose_kits_would_have_one_name(cli, samples, layout, tmp_path) -> None:
    packs = tmp_path / "Packs"
    for name in ("A#1", "A$1", "A_1"):
        shutil.copytree(samples / "pack0", packs / name)
    command = ("kit", "build-all", packs, "--out", packs / "Kits", "-l", layout, "--min-pads", "3")
    for _ in range(2):
        cli(*command, "--force", "--overwrite")
        assert sorted(os.listdir(packs / "Kits")) == ["A_1", "A_1 2", "A_1 3"]
    assert "already exists" in cli(*command, "--force", code=1).stderr


def test_pads_that_stay_empty_are_named(cli, samples, layout, tmp_path) -> None:
    layout.write_text('[pads]\n36 = "kick"\n' + "".join(f'{k} = "snare"\n' for k in range(40, 60)))
    result = cli("kit", "build", "K", "--out", tmp_path / "Kits", "-l", layout, "--min-prob", "0")
    assert "6 of 21 pads; empty: " in result.stderr


def test_overwriting_is_asked_for(build, samples, fails, tmp_path, layout) -> None:
    build()
    message = fails("kit", "build", "K", "--out", tmp_path / "Kits", "--layout", layout, "--force")
    assert (
        message
        == f"{tmp_path / 'Kits' / 'K'}: already exists; add --overwrite, or choose another name"
    )
    build("K", "--overwrite")


@pytest.mark.parametrize(
    ("options", "why"),
    [
        (["--from", ".", "--name", "x"], "--from uses a whole folder"),
        (["--from", ".", "--similar-to", "x.wav"], "--from uses a whole folder"),
        (["--query", "--name x", "--name", "y"], "not both"),
        (["--query", "--colour red"], "No such option"),
        (["--query", "'"], "No closing quotation"),
        (["--query", "snaer"], "no class, file or folder 'snaer'; did you mean snare?"),
        (["--format", "midi"], "is not one of"),
        (["--layout", "9"], "no layout '9'"),
        (["--from", "/none"], "does not exist"),
        (["--variation", "2"], "is not in the range"),
        (["--class", "kikc"], "no class 'kikc'"),
        (["--assign", "class", "--min-prob", "0.3"], "goes with --assign best only"),
        (["--assign", "class", "--similar-to", "0.wav"], "similarity goes with"),
    ],
)
def test_wrong_usage(cli, samples, options, why) -> None:
    result = cli("kit", "build", "K", *options, code=2)
    assert why in result.stderr
    assert result.stdout == ""


@pytest.mark.parametrize("name", ["a/b", "..", " x", "a\nb"])
def test_names_of_kits(fails, samples, name) -> None:
    assert "is not a valid kit name" in fails("kit", "build", name)


def test_what_can_not_be_built(fails, samples, tmp_path) -> None:
    (tmp_path / "empty").mkdir()
    message = fails("kit", "build", "K", "--from", tmp_path / "empty")
    assert message == "the folder holds no samples"
    assert "none of this name" in fails("kit", "build", "K", "--similar-to", "none.wav")
    message = fails("kit", "build", "K", "--layout", tmp_path / "none.toml")
    assert message == f"{tmp_path / 'none.toml'}: can't be read (No such file or directory)"
    assert "has no folders" in fails("kit", "build-all", tmp_path / "empty")
    assert "no such kit" in fails("kit", "show", tmp_path / "none.sfz")


def test_without_a_library(fails, tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("LIBINDEX_DB", str(tmp_path / "none.db"))
    assert "no library here yet" in fails("kit", "build", "K")
    given = ("--from", tmp_path, "--db", tmp_path / "mistyped.db")
    assert "no library here yet" in fails("kit", "build", "K", *given)


def test_a_kit_as_csv(build, cli, samples, tmp_path) -> None:
    build()
    result = cli("kit", "show", tmp_path / "Kits" / "K")
    rows = list(csv.DictReader(io.StringIO(result.stdout)))
    assert [row["key"] for row in rows] == ["36", "38", "42", "46"]
    assert rows[0]["sample"].startswith("samples/036 kick - ")
    assert [row["choke_group"] for row in rows] == ["0", "0", "1", "1"]


def test_a_kit_for_people(build, terminal, samples, tmp_path) -> None:
    build()
    sample = next((tmp_path / "Kits" / "K" / "samples").iterdir())
    sample.unlink()
    shown = terminal("kit", "show", str(tmp_path / "Kits" / "K"))
    assert shown.splitlines()[0].split() == ["key", "class", "probability", "length", "sample"]
    assert "kick drum" in shown
    assert shown.count("(missing)") == 1


@pytest.mark.parametrize("columns", [60, 80])
def test_the_table_of_a_kit_fits_the_terminal(cli, terminal, samples, layout, columns) -> None:
    deep = samples.parent / f"{columns} columns" / "a folder with a long name"
    shutil.copytree(samples, deep / "one shots of many kinds")
    name = f"K{columns}"
    options = ("--out", samples.parent / "Kits", "--layout", layout, "--force", "--reference")
    cli("kit", "build", name, "--from", deep.parent, *options)
    shown = terminal("kit", "show", samples.parent / "Kits" / name, columns=columns).splitlines()
    assert len(shown) == 5
    assert all(len(line) <= columns and line == line.rstrip() for line in shown)
    assert all("…" in line and line.endswith(".wav") for line in shown[1:])


def test_building_shows_the_kit_on_a_terminal(terminal, samples, layout, tmp_path) -> None:
    shown = terminal("kit", "build", "K", "--out", tmp_path / "Kits", "-l", layout, "--force")
    assert "closed hi-hat" in shown
    assert "4 of 4 pads" in shown
    assert shown.splitlines()[-1].startswith("Load it into your sampler: ")
    assert shown.replace("\n", "").endswith(f"{tmp_path / 'Kits' / 'K' / 'K.sfz'}")


def test_the_next_step_after_several_kits(terminal, samples, layout, tmp_path) -> None:
    options = ("-o", tmp_path / "My Kits", "-l", layout, "--force", "--min-pads", "3")
    shown = terminal("kit", "build-all", samples, *options).replace("\n", "")
    assert "closed hi-hat" not in shown  # a line for each kit, not a table
    assert shown.count("3 of 4 pads") == 2
    assert shown.endswith(
        f"Show the last kit: libindex kit show '{tmp_path / 'My Kits' / 'pack1'}'"
    )


def test_layouts(cli, layout) -> None:
    result = cli("kit", "layouts")
    assert [line.split()[0] for line in result.stdout.splitlines()] == ["8", "24", "36", "gm"]
    assert [line for line in result.stdout.splitlines() if "default" in line] == [
        "gm    47 pads, keys 35 to 81  (default)"
    ]
    assert " 42  hhc  choke 1" in cli("kit", "layouts", layout).stdout.splitlines()
    assert " 36  kick  priority 1" in cli("kit", "layouts", "gm").stdout.splitlines()
    assert len(cli("kit", "layouts", "gm").stdout.splitlines()) == 47


def test_nothing_of_the_library_is_touched(build, samples) -> None:
    before = {p: (p.read_bytes(), p.stat().st_mtime_ns) for p in samples.rglob("*.wav")}
    build("A", "-f", "folder", "-f", "hydrogen")
    build("B", "--link", "-f", "folder")
    build("B", "--reference", "-f", "sfz", "--overwrite")
    assert {p: (p.read_bytes(), p.stat().st_mtime_ns) for p in samples.rglob("*.wav")} == before


@pytest.mark.slow
def test_a_network_with_classes_of_its_own(cli, samples, tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("LIBINDEX_DB", str(tmp_path / "none.db"))
    own, layout = tmp_path / "own.safetensors", tmp_path / "own.toml"
    sizes = NetworkConfig(
        num_filters_11=4, num_filters_12=6, num_filters_13=8, lstm_dim=8, fc1_dim=8, outdim=2
    )
    save_network(ModelFile(own, "own", ("zap", "boing"), network=sizes), CnnLstm(sizes))
    layout.write_text('[pads]\n36 = "zap"\n37 = "boing"\n')
    options = ("--model", own, "-l", layout, "--force", "-o", tmp_path / "Kits", "-f", "sfz")
    cli("kit", "build", "K", "--from", samples, *options)
    pads = show(cli, tmp_path / "Kits" / "K")["pads"]
    assert [pad["class"] for pad in pads] == ["zap", "boing"]


def test_general_midi_is_the_default_and_the_originals_defaults_have_names(
    cli, samples, tmp_path
) -> None:
    cli("kit", "build", "K", "--force", "-o", tmp_path)
    assert "K.sfz" in os.listdir(tmp_path / "K")
    keys = {pad["key"] for pad in show(cli, tmp_path / "K")["pads"]}
    assert keys <= {pad.key for pad in LAYOUTS["gm"].pads}
    cli("kit", "build", "O", "--force", "-o", tmp_path, "--layout", "24", "--format", "drumkv1")
    assert "O.drumkv1" in os.listdir(tmp_path / "O")
    keys = {pad["key"] for pad in show(cli, tmp_path / "O")["pads"]}
    assert keys <= {pad.key for pad in LAYOUTS["24"].pads}


def test_a_kit_that_is_installed_in_hydrogen(build, cli, samples, tmp_path) -> None:
    build("K", "-f", "hydrogen")
    packed = tmp_path / "Kits" / "K" / "K.h2drumkit"
    with tarfile.open(packed) as archive:
        archive.extractall(tmp_path / "installed", filter="data")
    folder = tmp_path / "installed" / "K"
    assert "drumkit.xml" in os.listdir(folder)
    expected = show(cli, packed)
    assert len(expected["pads"]) == 4
    assert show(cli, folder) == expected
    assert show(cli, folder / "drumkit.xml") == expected


@pytest.mark.parametrize("make", [os.mkfifo, os.mkdir])
def test_an_installed_kit_with_strange_samples(fails, cli, samples, tmp_path, make) -> None:
    make(tmp_path / "a.wav")
    (tmp_path / "drumkit.xml").write_text(
        "<drumkit_info><instrumentList><instrument><filename>a.wav</filename></instrument>"
        "<instrument><filename>/dev/zero</filename></instrument></instrumentList></drumkit_info>"
    )
    shown = show(cli, tmp_path)
    assert [(pad["sample"], pad["class"]) for pad in shown["pads"]] == [
        ("a.wav", None), ("zero", None),
    ]  # fmt: skip
    (tmp_path / "drumkit.xml").write_text("<drumkit_info>")
    assert "no element found" in fails("kit", "show", tmp_path)


@pytest.mark.parametrize(
    ("command", "expected"),
    [
        ("kit build K --layout ", {"gm", "8", "24", "36"}),
        ("kit build K --layout g", {"gm"}),
        ("kit build-all . -l 3", {"36"}),
        ("kit layouts 2", {"24"}),
        ("kit build K --format s", {"sfz"}),
        ("kit build K --assign ", {"best", "class", "sample"}),
    ],
)
def test_the_shell_completes_layouts_formats_and_assignments(command, expected) -> None:
    assert completed(command) == expected


def test_the_shell_completes_the_files_of_layouts() -> None:
    *words, incomplete = "kit build K --layout my".split()
    complete = ShellComplete(main, {}, "libindex", "_LIBINDEX_COMPLETE")
    assert [item.type for item in complete.get_completions(words, incomplete)] == ["file"]


def completed(command: str) -> set[str]:
    *words, incomplete = command.split(" ")
    complete = ShellComplete(main, {}, "libindex", "_LIBINDEX_COMPLETE")
    return {item.value for item in complete.get_completions(words, incomplete)}


def test_nothing_heavy_is_imported_to_complete() -> None:
    code = (
        "import sys; from libindex.cli.kit_options import complete_layout as c; c(None, None, 'g');"
        "print(sorted({'numpy', 'torch', 'sqlalchemy', 'soundfile', 'rich'} & set(sys.modules)))"
    )
    command = [sys.executable, "-c", code]
    result = subprocess.run(command, check=True, capture_output=True, text=True)
    assert result.stdout == "[]\n"
