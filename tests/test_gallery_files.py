"""The style files that are bundled: what their own graphs say is what their weights and cards say."""

from collections import Counter

import pytest

from engines.export.export import graph_of
from engines.networks.family import REWRITTEN
from engines.style.styles import gallery_items, load_style

NAMES = [item.name for item in gallery_items() if not item.origin]


@pytest.mark.parametrize("name", NAMES)
def test_the_graph_in_a_file_is_the_one_that_is_written_of_its_net(name: str) -> None:
    """Engines that rebuild the net and those that run the file's graph would paint two pictures."""
    style = load_style(name)
    anew = graph_of(style, REWRITTEN)
    kinds = [Counter(node.op_type for node in model.graph.node) for model in (style.model, anew)]
    stored = sum(tensor.name.startswith("net.") for tensor in style.model.graph.initializer)
    assert kinds[0] - kinds[1] == Counter({"Cast": stored})  # of the weights, which the file keeps in half precision
    assert not kinds[1] - kinds[0]


def test_the_fine_net_has_the_styles_of_the_gallery() -> None:
    assert load_style("gallery.fine").card.names == load_style("gallery").card.names
