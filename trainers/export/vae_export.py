"""The end of an autoencoder's run: a style file, with every painting of the folder as a style."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import torch

from engines.export.export import export_style, weights_and_styles
from engines.networks.family import STATISTICS_PX
from engines.style.card import NamedStyle, style_name
from trainers.data import evenly, style_picture
from trainers.export.provenance import data_list, provenance
from trainers.export.style_export import read_credits
from trainers.run.licence import licence_of
from trainers.settings.vae_options import VaeOptions
from trainers.vae import RECIPE, TrainedVae

# So many paintings have names in the file; any other picture is a style as well, by its path.
MOST_STYLES = 64


def write_style_file(options: VaeOptions, trained: TrainedVae) -> None:
    """Writes `options.out`."""
    weights, vectors = weights_and_styles(trained.net)
    one = [NamedStyle(style_name(options.out), vectors[0])]
    pictures = {"content_pictures": data_list(options.content)}
    if options.styles:
        pictures["style_pictures"] = data_list(options.styles)
    export_style(
        options.out,
        network="vae",
        config=trained.net.config.to_dict(),
        weights=weights,
        styles=list(_styles(trained, options.styles)) if options.styles else one,
        name=style_name(options.out),
        licence=licence_of(options.licence, trained.history),
        training=provenance(RECIPE, options, trained.history, loss_network=options.loss_network, **pictures),
        figures={name: round(value, 5) for name, value in trained.figures.items()},
    )


@torch.no_grad()
def _styles(trained: TrainedVae, folders: Sequence[Path]) -> Iterator[NamedStyle]:
    """The statistics of the paintings, some of them where there are very many; each is called like its file."""
    net = trained.net
    told = {name: words for folder in folders for name, words in read_credits(folder).items()}
    named = {style_name(path): path for path in reversed(trained.paintings)}
    names = sorted(named)
    for name in evenly(names, MOST_STYLES):
        picture = style_picture(named[name], STATISTICS_PX).to(net.styles.device)
        yield NamedStyle(name, net.statistics(picture)[0].cpu().numpy(), **told.get(named[name].stem, {}))
