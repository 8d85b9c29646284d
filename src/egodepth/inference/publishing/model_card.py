"""The model card: README.md of a model on the Hugging Face hub. It states what is known, and names what is not."""

import math
from importlib.metadata import version
from pathlib import PurePath

from egodepth.config import TrainConfig
from egodepth.inference.publishing.facts import RESTRICTED, Facts, Source
from egodepth.inference.publishing.figures import figures_section
from egodepth.inference.publishing.train_command import train_command, without_folder
from egodepth.weights import ModelCard

_MOST_DRIVES = 12
"""Drives that are listed by name."""


def model_card(facts: Facts) -> str:
    """Return the card in Markdown, with the hub's metadata in front."""
    sections = {
        "Use": _use(facts),
        "Intended use": _intended_use(facts.card),
        "Limits": _limits(facts),
        "Figures": _figures(facts),
        "Training": _training(facts.card, facts.config),
        "Data, teacher, initial weights": _sources(facts.sources),
        "Licence": _licence(facts),
    }
    body = "\n\n".join(f"## {title}\n\n{text}" for title, text in sections.items())
    title = facts.name.partition("/")[2]
    return (
        f"---\n{_metadata(facts)}\n---\n\n# {title}\n\n{_summary(facts.card)}\n\n{body}\n\n---\n\n"
        f"`egodepth push` (egodepth {version('egodepth')}) wrote this card from the model's files.\n"
    )


def _metadata(facts: Facts) -> str:
    from huggingface_hub import ModelCardData

    is_named = facts.licence == RESTRICTED
    tags = ["monocular-depth", *(["metric-depth"] if facts.card.metric else [])]
    data_sets = sorted({source.terms.tag for source in facts.sources if source.terms.tag})
    return ModelCardData(
        license="other" if is_named else facts.licence,
        license_name=facts.licence if is_named else None,
        library_name="egodepth",
        pipeline_tag="depth-estimation",
        tags=tags + (["visual-odometry"] if facts.card.has_pose_net else []),
        datasets=data_sets or None,
    ).to_yaml()


def _summary(card: ModelCard) -> str:
    unit = "in metres" if card.metric else "up to an unknown factor"
    motion = ", and the motion of the camera between two images" if card.has_pose_net else ""
    return f"This model of egodepth predicts the depth of every pixel of one image, {unit}{motion}."


def _use(facts: Facts) -> str:
    quantity = "metres" if facts.card.metric else "inverse depth, up to a factor"
    unit = "metres" if facts.card.metric else "up to a factor"
    return f"""```python
from egodepth import pipeline  # called as transformers' pipeline is

pipe = pipeline(task="depth-estimation", model="{facts.name}")
result = pipe("image.jpg")
result["depth"]            # a picture: near pixels are bright
result["predicted_depth"]  # a tensor: {quantity}
```

```python
from egodepth import DepthPredictor

prediction = DepthPredictor.from_pretrained("{facts.name}")("image.jpg")
prediction.depth  # {unit}, at the size of the image
```"""


def _intended_use(card: ModelCard) -> str:
    lines = ["Depth of single images from a camera like that of the training:", ""]
    if card.focal:
        across, down = card.focal
        angle = math.degrees(2 * math.atan(0.5 / across))
        learned = ", as learned in training" if card.focal_factor != 1 else ""
        lines += [
            f"- horizontal field of view of {angle:.0f} degrees (focal length of {across:.2f} image widths{learned})",
            f"- images {down / across:.2f} times as wide as high",
        ]
    else:
        lines.append("- field of view and shape of its images: not recorded")
    lines.append(f"- images are resized to {card.size[1]}x{card.size[0]} (width x height) for the network")
    if card.has_pose_net:
        offsets = ", ".join(f"{offset:+d}" for offset in card.offsets) or "not recorded"
        lines += ["", f"Trajectories of a video (`egodepth odometry`). Offsets of the training frames: {offsets}."]
        if min(map(abs, card.offsets), default=1) > 1:
            lines.append("It did not learn from consecutive frames: do not trust its trajectories of these.")
    return "\n".join(lines)


def _limits(facts: Facts) -> str:
    card, network = facts.card, facts.card.network
    unit = " m" if card.metric else " in its own unit"
    lines = [
        _recordings(card),
        f"It predicts depths from {network.min_depth:g} to {network.max_depth:g}{unit}, and no others.",
        *_unit(card),
        "It does not say how certain its depth is.",
        "Nothing in this card shows that it is safe to control a vehicle or a machine by it.",
    ]
    if not facts.figures:
        lines.insert(0, "Its accuracy is unknown: the card was made without an evaluation.")
    return "\n".join(f"- {line}" for line in lines)


def _recordings(card: ModelCard) -> str:
    names = card.training_drives
    if not names:
        return "The recordings that it learned from are not recorded."
    more = f" and {len(names) - _MOST_DRIVES} more" if len(names) > _MOST_DRIVES else ""
    listed = ", ".join(f"`{name}`" for name in names[:_MOST_DRIVES]) + more
    return (
        f"It learned from {len(names)} recording{'s' * (len(names) > 1)}: {listed}. Its accuracy on other places, "
        "cameras and weather is known only as far as figures below state it."
    )


def _unit(card: ModelCard) -> list[str]:
    """Return lines on the unit of depth: where metres come from, how certain they are, what changes them."""
    if not card.metric:
        return ["Its unit of depth is unknown. `egodepth scale` finds metres from one known length."]
    lines = ["Its metres were learned in training: they depend on the calibration of the training data."]
    if card.scale.by:
        scale = card.scale
        scatter = f" Single images scatter by {scale.scatter:.1%}." if scale.scatter else ""
        when = f" on {scale.when}" if scale.when else ""
        lines = [
            f"Its depth was learned up to scale. Metres come from one factor, found by {scale.by} on "
            f"{PurePath(scale.on).name or 'data that is not recorded'} ({scale.samples} samples){when}. The 95 % "
            f"interval of the factor is +-{scale.spread:.1%}.{scatter}"
        ]
    focal = card.scale.focal if card.scale.by else card.focal
    known = f" of {focal[1]:.2f} image heights" if focal else " that is not recorded"
    lines.append(
        f"Its metres hold for a focal length{known}. For another camera, true depth is about the predicted depth times "
        "the other focal length divided by this one. egodepth warns if it knows that the camera differs."
    )
    return lines


def _figures(facts: Facts) -> str:
    if not facts.figures:
        return "None were given (`egodepth push --report`)."
    return "\n\n".join(figures_section(figures, facts.name, facts.card.size) for figures in facts.figures)


def _training(card: ModelCard, config: TrainConfig | None) -> str:
    network = card.network
    pose = f", pose network `{network.pose}`" if card.has_pose_net else ""
    began = without_folder(card.started_from) or "not recorded"
    lines = [
        f"Network: encoder `{network.encoder}`{pose}. Initial weights: {began}. Steps: {card.step or 'not recorded'}."
    ]
    if config is None:
        return f"{lines[0]} Recipe and command are not known: the model was published without its run."
    frames = ", ".join(f"{offset:+d}" for offset in config.data.offsets)
    seen = [f"neighbouring frames at {frames} (poses: {config.data.poses})"] if frames else []
    seen += ["the stereo partner"] if config.data.stereo else []
    seen += [f"hints of depth by geometry ({', '.join(config.hints.sources)})"] if config.hints.sources else []
    seen += ["a teacher"] if config.hints.teacher else []
    lines.append(
        f"It learned from {', '.join(seen)}. Batches of {config.trainer.batch_size}, seed {config.trainer.seed}. The "
        "versions of libraries and the device are not recorded."
    )
    lines += ["", "This command has the same configuration (`DATA` is the folder of the data):"]
    return "\n".join([*lines, "", "```", train_command(config), "```"])


def _sources(sources: tuple[Source, ...]) -> str:
    lines = ["| role | name | licence | commercial use |", "|---|---|---|---|"]
    answers = {True: "allowed", False: "not known to be allowed", None: "unknown"}
    for source in sources:
        licence = source.terms.licence or "unknown"
        stated = f"[{licence}]({source.terms.link})" if source.terms.link else licence
        lines.append(f"| {source.role} | {source.name} | {stated} | {answers[source.allows]} |")
    citations = [source.terms.citation for source in sources if source.terms.citation]
    return "\n".join([*lines, "", *(f"- {citation}" for citation in citations)]).rstrip()


def _licence(facts: Facts) -> str:
    bound = [f"{source.name} ({source.role})" for source in facts.sources if source.allows is False]
    unknown = [f"{source.name} ({source.role})" for source in facts.sources if source.allows is None]
    stated = f"The publisher states the licence {facts.chosen_licence} for these weights."
    lines = [stated if facts.chosen_licence else "The publisher has not stated a licence for these weights."]
    if bound:
        lines.append(
            f"They were learned from sources that are not known to allow commercial use: {', '.join(bound)}. What a "
            "source's licence forbids, it may forbid for these weights."
        )
    if unknown:
        lines.append(f"The licence of other sources is unknown, and may bind these weights: {', '.join(unknown)}.")
    return " ".join(lines)
