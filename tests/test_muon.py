"""Muon for matrices, Adam for the rest."""

import torch

from trainers.run.muon import STEP_RMS, Muon, orthogonal


def test_singular_values_come_near_1_and_their_vectors_stay() -> None:
    torch.manual_seed(0)
    for shape in ((12, 30), (30, 12)):
        left, _, right = torch.linalg.svd(torch.randn(shape), full_matrices=False)
        matrix = left @ torch.diag(torch.logspace(0, -2, 12)) @ right
        found = left.T @ orthogonal(matrix) @ right.T
        assert ((found.diagonal() > 0.6) & (found.diagonal() < 1.3)).all()
        assert (found - torch.diag(found.diagonal())).abs().max() < 1e-3


def test_a_step_is_as_large_as_adams() -> None:
    torch.manual_seed(1)
    matrix = torch.nn.Parameter(torch.zeros(40, 90))
    optimiser = Muon([matrix], lr=0.01)
    matrix.grad = torch.randn(40, 90)
    optimiser.step()
    assert 0.7 < matrix.square().mean().sqrt() / (0.01 * STEP_RMS) < 1.2


def test_vectors_are_moved_as_adam_moves_them() -> None:
    torch.manual_seed(2)
    ours, theirs = torch.nn.Parameter(torch.ones(7)), torch.nn.Parameter(torch.ones(7))
    optimisers = Muon([ours], lr=0.01), torch.optim.Adam([theirs], lr=0.01)
    for _ in range(5):
        ours.grad = torch.randn(7)
        theirs.grad = ours.grad.clone()
        for optimiser in optimisers:
            optimiser.step()
    torch.testing.assert_close(ours, theirs)


def test_what_few_directions_hide_is_learnt_sooner_than_by_adam() -> None:
    """A linear map of inputs, nine tenths of whose strength lie along one direction."""

    def lost(optimiser_of: type[torch.optim.Optimizer], rate: float) -> float:
        generator = torch.Generator().manual_seed(3)
        wanted = torch.randn(8, 32, generator=generator)
        along = torch.nn.functional.normalize(torch.randn(32, generator=generator), dim=0)
        matrix = torch.nn.Parameter(torch.zeros(8, 32))
        optimiser = optimiser_of([matrix], lr=rate)  # type: ignore[call-arg]
        for step in range(300):
            inputs = torch.randn(32, 64, generator=generator)
            inputs = inputs + 15 * along[:, None] * torch.randn(1, 64, generator=generator)
            loss = ((matrix - wanted) @ inputs).square().mean()
            optimiser.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            for group in optimiser.param_groups:
                group["lr"] = rate * (1 - step / 300)
            optimiser.step()
        return float((matrix.detach() - wanted).square().mean())

    assert lost(Muon, 0.1) < 0.5 * min(lost(torch.optim.Adam, rate) for rate in (0.01, 0.02, 0.04))
