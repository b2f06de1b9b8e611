"""Muon for the matrices inside the blocks (momentum, made orthogonal by Newton-Schulz steps), AdamW for the rest.

Both take the same learning rate: Muon's update is scaled to the size that AdamW's usually has. About method and scale: K. Jordan, "Muon" (2024),
and "Muon is Scalable for LLM Training" (arXiv 2502.16982)."""
import torch

NEWTON_SCHULZ = (3.4445, -4.7750, 2.0315)


def orthogonal(matrices, steps=5):
    """[n, rows, columns], rows <= columns -> about the nearest (semi-)orthogonal matrices"""
    a, b, c = NEWTON_SCHULZ
    x = (matrices / (matrices.norm(dim=(1, 2), keepdim=True) + 1e-7)).bfloat16()
    for _ in range(steps):
        gram = torch.bmm(x, x.transpose(1, 2))
        x = a * x + torch.bmm(b * gram + c * torch.bmm(gram, gram), x)
    return x.float()


class Optimizer:
    def __init__(self, model, decay, momentum=.95):
        inside = [(block.qkv.weight, 3, False) for block in model.b] + [(block.o.weight, 1, False) for block in model.b]
        wide = [(block.gu.weight, 2, True) for block in model.b] + [(block.dn.weight, 1, False) for block in model.b]
        self.groups = [inside, wide]      # per group the parts have one shape: (weight, number of parts stacked in it, transposed)
        held = {id(weight) for group in self.groups for weight, *_ in group}
        rest = [p for p in model.parameters() if id(p) not in held]
        self.adam = torch.optim.AdamW([dict(params=[p for p in rest if p.dim() > 1], weight_decay=decay), dict(params=[p for p in rest if p.dim() < 2], weight_decay=0)], 1e-3, betas=(.9, .98))
        self.decay, self.momentum = decay, momentum
        self.moving = {id(weight): torch.zeros_like(weight) for group in self.groups for weight, *_ in group}

    @torch.no_grad()
    def step(self, rate):
        for group in self.adam.param_groups:
            group['lr'] = rate
        self.adam.step()
        for group in self.groups:
            updates = []
            for weight, parts, turned in group:
                moving = self.moving[id(weight)].mul_(self.momentum).add_(weight.grad)
                ahead = weight.grad + self.momentum * moving
                updates += [piece.t() if turned else piece for piece in ahead.chunk(parts)]
            found = list(orthogonal(torch.stack(updates)))
            for weight, parts, turned in group:
                pieces = [found.pop(0) for _ in range(parts)]
                update = torch.cat([piece.t() if turned else piece for piece in pieces])
                weight.mul_(1 - rate * self.decay).add_(update, alpha=-rate * .2 * max(pieces[0].shape) ** .5)
