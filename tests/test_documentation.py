"""The pages are complete, and lead to each other."""

import re
from pathlib import Path

import click
import pytest

from libindex.cli import main

CHECKOUT = Path(__file__).resolve().parent.parent
DOCS = CHECKOUT / "docs"
PAGES = sorted(
    [*CHECKOUT.glob("*.md"), *DOCS.glob("*.md"), CHECKOUT / "models" / "README.md"],
)
FENCE = re.compile(r"^```.*?^```$", re.DOTALL | re.MULTILINE)
INCLUDED = {
    "changelog.md": "CHANGELOG.md",
    "contributing.md": "CONTRIBUTING.md",
    "security.md": "SECURITY.md",
    "model-card.md": "models/README.md",
}

each_page = pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)


def text_of(page: Path) -> str:
    return page.read_text(encoding="utf-8")


def anchors(page: Path) -> set[str]:
    """The headings of a page as forges and MyST name them."""
    if page.parent == DOCS and page.name in INCLUDED:
        page = CHECKOUT / INCLUDED[page.name]
    headings = re.findall(r"^#+ (.*)$", FENCE.sub("", text_of(page)), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def commands() -> dict[str, click.Command]:
    """Every command by its words: "kit build"."""
    found: dict[str, click.Command] = {}

    def walk(group: click.Group, words: list[str]) -> None:
        context = click.Context(group)
        for name in group.list_commands(context):
            command = group.get_command(context, name)
            assert command is not None
            found[" ".join([*words, name])] = command
            if isinstance(command, click.Group):
                walk(command, [*words, name])

    walk(main, [])
    return found


@each_page
def test_links_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)\s]+)\)", FENCE.sub("", text_of(page))):
        if re.match(r"[a-z]+:", target):
            continue
        path, _, anchor = target.partition("#")
        led_to = (page.parent / path).resolve() if path else page
        assert led_to.exists(), target
        assert not anchor or anchor in anchors(led_to), target


@each_page
def test_nothing_refers_to_what_is_outside_of_the_repository(page: Path) -> None:
    assert not re.search(r"\.\./shared|shared/|/work/|/tmp/", text_of(page))


def test_every_page_is_in_the_table_of_contents() -> None:
    blocks = re.findall(r"(?ms)^```{toctree}\n(.*?)^```$", text_of(DOCS / "index.md"))
    listed = [
        line for block in blocks for line in block.splitlines() if line and not line.startswith(":")
    ]
    assert sorted(listed) == sorted(p.stem for p in DOCS.glob("*.md") if p.stem != "index")


def test_the_readme_names_every_page_that_people_read_first() -> None:
    named = set(re.findall(r"\(docs/([\w-]+)\.md\)", text_of(CHECKOUT / "README.md")))
    guide = text_of(DOCS / "index.md").split(":caption: Reference")[0]
    pages = re.findall(r"^[a-z]+$", guide.split("toctree}")[1], re.MULTILINE)
    assert set(pages) <= named
    assert len(text_of(CHECKOUT / "README.md").splitlines()) <= 300


def test_every_command_and_option_is_documented() -> None:
    sections = re.split(r"^#{2,} libindex ", text_of(DOCS / "commands.md"), flags=re.MULTILINE)
    by_name = {section.partition("\n")[0]: section for section in sections[1:]}
    assert by_name.keys() == commands().keys()
    for name, command in commands().items():
        for parameter in command.params:
            for option in [*parameter.opts, *parameter.secondary_opts]:
                if option.startswith("-"):
                    assert option in by_name[name], (name, option)
