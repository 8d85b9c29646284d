"""What the README says works: its commands and its Python are run, on tiny data. No link of any page is broken."""

import contextlib
import re
import shlex
from importlib import import_module
from pathlib import Path

import pytest
import yaml
from PIL import Image

from egodepth.cli import main
from egodepth.config.recipes import RECIPES

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
DOCS = ROOT / "docs"
FILES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted(DOCS.rglob("*.md"))]
PAGES = {path.relative_to(ROOT).as_posix(): path.read_text(encoding="utf-8") for path in FILES}
SMALLER = {
    "data": "--train 1 --val 1 --test 1 --frames 4 --size 64 96 --processes 1",
    "train": "--data.size 64 64 --model.encoder test_resnet --trainer.steps 2 --trainer.batch-size 1 "
    "--trainer.device cpu --trainer.checkpoint-every 2",
}
"""Added to the commands of a verb; the last of two equal options counts."""


def code_blocks(language: str = "", page: str = README) -> list[str]:
    blocks = re.findall(r"^```(\w*)\n(.*?)^```$", page, re.DOTALL | re.MULTILINE)
    return [text for kind, text in blocks if kind == language]


def commands(text: str) -> list[list[str]]:
    lines = [line.partition("#")[0].strip() for line in text.splitlines()]
    return [shlex.split(line)[1:] for line in lines if line.startswith("egodepth ")]


def test_the_commands_by_hand_run_one_after_the_other_and_so_does_the_python(tmp_path: Path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    photo = Image.effect_noise((120, 80), 60).convert("RGB")
    photo.save("street.jpg")
    Path("my_photos").mkdir()
    photo.save("my_photos/one.jpg")
    block = next(block for block in code_blocks() if "egodepth data render" in block)
    words = commands(block)
    assert [command[0] for command in words] == ["data", "train", "evaluate", "predict"]
    for command in words:
        main([*command, *SMALLER.get(command[0], "").split()])
    assert (tmp_path / "runs" / "first" / "report" / "sheet.png").exists()
    assert any((tmp_path / "depth").iterdir())
    names: dict[str, object] = {}
    exec(code_blocks("python")[0], names)
    assert tuple(names["depth"].shape) == (80, 120)  # type: ignore[attr-defined]


def quoted_commands() -> list[list[str]]:
    """Every command of every page, in blocks and within sentences."""
    texts = [text for page in PAGES.values() for text in code_blocks(page=page)]
    texts += [text for page in PAGES.values() for text in re.findall(r"`(egodepth [^`]+)`", page)]
    return [command for text in texts for command in commands(text)]


def test_every_command_of_every_page_names_a_recipe_and_options_that_exist(capsys):
    quoted = quoted_commands()
    assert {"train", "evaluate", "data", "ablate", "predict", "import-monodepth2"} <= {c[0] for c in quoted}
    for words in quoted:
        verb = words[:2] if words[0] in ("train", "ablate", "data") and len(words) > 1 else words[:1]
        if verb[0] in ("train", "ablate") and len(verb) > 1:
            assert verb[1] in (*RECIPES, "RECIPE")
        with contextlib.suppress(SystemExit):
            main([word.replace("RECIPE", "quickstart") for word in verb] + ["--help"])
        known = set(re.findall(r"--[a-z0-9.-]+", capsys.readouterr().out))
        assert {word for word in words if word.startswith("--")} <= known | {"--help"}


def named_pages(entry: object) -> list[str]:
    """Pages that a part of the site's nav names."""
    if isinstance(entry, str):
        return [entry]
    parts = entry.values() if isinstance(entry, dict) else entry
    return [page for part in parts for page in named_pages(part)]  # type: ignore[attr-defined]


def test_the_nav_of_the_site_names_every_page_once():
    nav = yaml.safe_load((ROOT / "mkdocs.yml").read_text(encoding="utf-8"))["nav"]
    assert sorted(named_pages(nav)) == sorted(path.relative_to(DOCS).as_posix() for path in DOCS.rglob("*.md"))


def without_code(page: str) -> str:
    return re.sub(r"`[^`\n]*`", "", re.sub(r"^```.*?^```$", "", page, flags=re.DOTALL | re.MULTILINE))


def anchors(page: str) -> set[str]:
    """Of the headings of a page, as GitHub and the site write them."""
    headings = re.findall(r"^#+ (.+)$", re.sub(r"^```.*?^```$", "", page, flags=re.DOTALL | re.MULTILINE), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("name", PAGES)
def test_every_relative_link_points_at_a_file_and_a_heading_that_exist(name: str):
    for target in re.findall(r"\]\(([^)\s]+)\)", without_code(PAGES[name])):
        if target.startswith(("https://", "http://")):
            continue
        path, _, anchor = target.partition("#")
        file = ((ROOT / name).parent / path).resolve() if path else ROOT / name
        assert file.is_file(), target
        if anchor:
            assert anchor in anchors(file.read_text(encoding="utf-8")), target


@pytest.mark.parametrize("name", PAGES)
def test_every_file_of_the_repository_that_a_page_names_exists(name: str):
    for path in re.findall(r"\b((?:src|tests)/[\w/]+\.py)\b", PAGES[name]):
        assert (ROOT / path).is_file(), path


def test_every_module_of_the_reference_has_the_names_that_it_exports():
    modules = [module for page in PAGES.values() for module in re.findall(r"^::: (\S+)$", page, re.MULTILINE)]
    assert {"egodepth", "egodepth.geometry", "egodepth.config"} <= set(modules)
    for module in map(import_module, modules):
        assert all(hasattr(module, name) for name in getattr(module, "__all__", ())), module


def test_the_readme_is_short():
    assert len(README.splitlines()) <= 120
    assert len(README.split()) < 900
