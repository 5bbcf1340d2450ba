"""The end of a run that followed another net: figures beside it, and the style file that says whom it followed."""

from typing import Any

from engines.style.styles import StyleFile
from trainers.distil import RECIPE, Teacher, agreement
from trainers.export.style_export import data_list, travelling, typed_command, write_net
from trainers.run.transform_run import TrainedNet
from trainers.settings.distil_options import DistilOptions

CREDITED = ("title", "artist", "year", "source", "licence")


def write_student(
    options: DistilOptions, trained: TrainedNet, teacher: Teacher, file: StyleFile, style: str
) -> dict[str, float]:
    """Measures the net and writes `options.out`; returns the figures. `style` of `file` is the teacher's."""
    figures = agreement(trained, teacher, options)
    followed = [named for named in file.card.styles if named.name == style]  # none, where it is of a picture
    credit = {field: getattr(named, field) for named in followed for field in CREDITED if getattr(named, field)}
    licence = options.licence or file.card.licence
    write_net(options.out, trained, licence, _training(options, trained, file), figures, {options.out.stem: credit})
    return figures


def _training(options: DistilOptions, trained: TrainedNet, file: StyleFile) -> dict[str, Any]:
    return {
        "recipe": RECIPE,
        "command": typed_command(),
        "steps": options.steps,
        "settings": travelling(options.to_dict()),
        "earlier_runs": [{**run, "settings": travelling(run.get("settings", {}))} for run in trained.history],
        "loss_network": options.loss_network,
        "teacher": {"file": file.path.name, "sha256": file.sha256, "network": dict(file.card.network)},
        "content_pictures": data_list(options.content),
    }
