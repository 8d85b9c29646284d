"""`egodepth push`: the folder of a dry run, and the upload to a hub on this machine."""

from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from egodepth.cli import main
from egodepth.inference.predictor import DepthPredictor
from egodepth.weights import hub as model_hub
from inference.publishing.fake_hub import FakeHub

Make = Callable[..., Path]
FILES = ["README.md", "config.json", "model.safetensors"]


def refusal(capsys, *words: object) -> str:
    with pytest.raises(SystemExit) as exit_:
        main(["push", *map(str, words)])
    assert exit_.value.code == 2
    error = capsys.readouterr().err
    *remarks, line = error.splitlines()
    assert all(remark.startswith("The card states no ") for remark in remarks)
    assert line.startswith("egodepth: ")
    return line.removeprefix("egodepth: ")


def test_a_dry_run_writes_a_folder_that_loads(make_model: Make, tmp_path: Path, capsys):
    model, out = make_model(), tmp_path / "hub"
    main(["push", str(model), "me/street", "--dry-run", "--out", str(out), "--licence", "apache-2.0"])
    assert sorted(path.name for path in out.iterdir()) == FILES
    assert "license: apache-2.0" in (out / "README.md").read_text()
    image = torch.rand(3, 64, 96)
    published, own = (DepthPredictor.from_pretrained(folder, device="cpu")(image) for folder in (out, model))
    assert torch.equal(published.depth, own.depth)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["hub", "own"]


def test_an_upload_creates_the_repository_and_commits_three_files(make_model: Make, hub: FakeHub, capsys):
    model = make_model()
    main(["push", str(model), "me/street", "--private", "--licence", "mit", "--message", "First"])
    assert sorted(hub.files) == FILES
    assert all(hub.files[name] == (model / name).read_bytes() for name in FILES[1:])
    assert (hub.created["name"], hub.created["visibility"], hub.message) == ("street", "private", "First")
    assert capsys.readouterr().out == f"{hub.address}/me/model/commit/0123\n"
    assert [path for _, path in hub.asked if "/commit/" in path] == ["/api/models/me/street/commit/main"]


def test_a_branch_is_created_and_committed_to(make_model: Make, hub: FakeHub):
    main(["push", str(make_model()), "me/street", "--branch", "trial"])
    assert "visibility" not in hub.created
    assert ("POST", "/api/models/me/street/branch/trial") in hub.asked
    assert [path for _, path in hub.asked if "/commit/" in path] == ["/api/models/me/street/commit/trial"]


def test_a_predictor_uploads_itself(make_model: Make, hub: FakeHub):
    model = make_model()
    DepthPredictor.load(model, "cpu").push_to_hub("me/street", licence="mit")
    assert sorted(hub.files) == FILES
    assert hub.files["config.json"] == (model / "config.json").read_bytes()


def test_without_a_token_nothing_is_asked(make_model: Make, hub: FakeHub, monkeypatch, capsys):
    monkeypatch.delenv("HF_TOKEN")
    assert refusal(capsys, make_model(), "me/street") == "me/street: no token of the hub; log in with: hf auth login"
    assert hub.asked == []


@pytest.mark.parametrize(
    ("part", "answer", "said"),
    [
        ("whoami", (401, {"error": "Invalid"}), "the token is not valid; log in with: hf auth login"),
        ("create", (403, {"error": "Forbidden"}), "the token may not write to me; use one that may, or another owner"),
        ("validate-yaml", (400, {"errors": [{"message": '"license" must be one of'}]}), "Invalid metadata in README"),
        ("commit", (422, {"error": "Unusable"}), "Unusable; try again later, or"),
    ],
)
def test_a_hub_that_refuses_is_one_line(make_model: Make, hub: FakeHub, capsys, part, answer, said):
    hub.refuses[part] = answer
    assert refusal(capsys, make_model(), "me/street").startswith(f"me/street: not uploaded ({said}")
    assert hub.files == {}


def test_a_hub_that_does_not_answer_is_given_up_soon(make_model: Make, hub: FakeHub, monkeypatch, capsys):
    hub.is_silent = True
    monkeypatch.setattr(model_hub, "TIMEOUT_S", 0.2)
    assert refusal(capsys, make_model(), "me/street").startswith("me/street: not uploaded (no answer within 0 s; try")


@pytest.mark.parametrize(
    "name", ["street", "me/street/more", "me/", "me/st reet", "../x", "me/a..b", "https://hf.co/me/x"]
)
def test_a_name_that_is_none_is_refused(make_model: Make, tmp_path: Path, capsys, name: str):
    said = refusal(capsys, make_model(), name, "--dry-run", "--out", tmp_path / "hub")
    assert said == f"'{name}' is no name on the hub; give OWNER/NAME, in letters, digits, -, _ and ."


def test_models_that_cannot_be_pushed_are_one_line(make_model: Make, tmp_path: Path, capsys):
    out = ("me/street", "--dry-run", "--out", tmp_path / "hub")
    assert refusal(capsys, "owner/model", *out) == "owner/model: no such folder; give a local run or model folder"
    export = tmp_path / "export"
    export.mkdir()
    (export / "config.json").write_text('{"format": "egodepth-export-1"}')
    assert "is an export; push the model that it was made from" in refusal(capsys, export, *out)
    model = make_model()
    (model / "model.safetensors").write_bytes(b"damaged")
    assert "model.safetensors: not readable as safetensors" in refusal(capsys, model, *out)
    assert not (tmp_path / "hub").exists()


def test_a_folder_that_holds_other_things_is_left_alone(make_model: Make, tmp_path: Path, capsys):
    model, other = make_model(), tmp_path / "other"
    other.mkdir()
    (other / "thesis.tex").write_text("mine")
    card = tmp_path / "card"
    main(["push", str(model), "me/street", "--dry-run", "--out", str(card)])
    (card / "README.md").write_text("my own words")
    for out in (other, model, card):
        before = sorted(path.name for path in out.iterdir())
        said = refusal(capsys, model, "me/street", "--dry-run", "--out", out)
        assert said == f"{out}: holds something already; choose another --out"
        assert sorted(path.name for path in out.iterdir()) == before
    assert (card / "README.md").read_text() == "my own words"


def test_dry_run_and_out_come_together(make_model: Make, capsys):
    assert refusal(capsys, make_model(), "me/street", "--dry-run").startswith("push: give --dry-run and --out FOLDER")
    assert refusal(capsys, make_model(), "me/street", "--out", "x").startswith("push: give --dry-run and --out FOLDER")


def test_a_licence_in_words_is_refused(make_model: Make, tmp_path: Path, capsys):
    said = refusal(capsys, make_model(), "me/x", "--licence", "My own", "--dry-run", "--out", tmp_path / "hub")
    assert said == "--licence My own: give it as the hub spells it, such as apache-2.0 or cc-by-nc-4.0"
