"""The end of a run that followed another net: figures beside it, and the style file that says whom it followed."""

from engines.style.styles import StyleFile
from trainers.distil import RECIPE, Teacher, agreement
from trainers.export.provenance import data_list, provenance
from trainers.export.style_export import write_net
from trainers.run.licence import licence_of
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
    licence = licence_of(options.licence, trained.history, trained.followed)
    training = provenance(
        RECIPE, options, trained.history, loss_network=options.loss_network,
        teacher={"file": file.path.name, "sha256": file.sha256, "network": dict(file.card.network)},
        content_pictures=data_list(options.content),
    )  # fmt: skip
    write_net(options.out, trained, licence, training, figures, {trained.styles[0]: credit})
    return figures
