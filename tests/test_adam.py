"""Adam without what comes with torch's optimizers."""

import torch

from trainers.run.adam import Adam

BETAS = 0.9, 0.99


def test_it_moves_as_torchs_own_does_and_what_has_no_gradient_stays() -> None:
    generator = torch.Generator().manual_seed(2)
    ours, theirs = ([torch.nn.Parameter(torch.ones(size)) for size in (7, 3)] for _ in range(2))
    mine, own = Adam(ours, BETAS), torch.optim.Adam(theirs, betas=BETAS)
    for step in range(5):
        rate = 0.01 / (1 + step)
        own.zero_grad()
        for one, other in list(zip(ours, theirs, strict=True))[: 1 + step % 2]:
            one.grad = torch.randn(one.shape, generator=generator)
            other.grad = one.grad.clone()
        own.param_groups[0]["lr"] = rate
        mine.step(rate)
        own.step()
        assert [each.grad for each in ours] == [None, None]
    torch.testing.assert_close(ours, theirs, rtol=0, atol=0)
    assert not torch.equal(ours[1], torch.ones(3))
