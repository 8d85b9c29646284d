"""`egodepth data hints`: makes, measures, draws."""

import json

import pytest

from egodepth.cli import main
from hints.wall_scenes import keep_wall_map
from tiny_training import SIZE


def test_hints_are_made_measured_and_drawn(tmp_path, make_clip, capsys):
    clip, out = make_clip(tmp_path / "clip", frames=9, size=SIZE), tmp_path / "hints"
    keep_wall_map(out, clip)
    words = ["data", "hints", str(clip), "--out", str(out), "--size", "64", "64", "--sources", "sweep", "--sheets"]
    main([*words, "--json", str(tmp_path / "found.json")])
    assert "points held out" in capsys.readouterr().out
    (quality,) = json.loads((tmp_path / "found.json").read_text())["clip"]
    everywhere = quality["bands"][0]
    assert everywhere["hinted"] > 0.3
    assert everywhere["median"] < 0.1
    assert (out / "clip.png").stat().st_size > 1000


def test_stereo_hints_without_a_partner_are_one_line(tmp_path, make_clip, capsys):
    clip = make_clip(tmp_path / "clip", size=SIZE)
    with pytest.raises(SystemExit):
        main(["data", "hints", str(clip), "--out", str(tmp_path / "h"), "--size", "64", "64", "--sources", "stereo"])
    assert "no stereo partner" in capsys.readouterr().err
