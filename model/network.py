"""A small llama (RMSNorm, rotary positions on neighbouring pairs, SwiGLU, tied embedding) for training on a CPU.

A batch is one long row of tokens: `lengths` says where one chat ends and the next begins, and attention stays inside a chat.
While gradients are wanted, activations and matrix products are bfloat16 (several times as fast as float32 on CPUs that have the
instructions) with the kernels of kernels.c; weights, residuals and weight gradients stay float32. Without gradients everything is
plain float32 torch."""
import ctypes
import math
import os

import torch
import torch.nn as nn
import torch.nn.functional as F

KERNELS = ctypes.CDLL(os.path.join(os.path.dirname(os.path.abspath(__file__)), 'kernels.so'))
CHUNK = 256      # queries per attention block: a block never looks at keys after its own end
EPSILON = 1e-5


def at(tensor):
    return ctypes.c_void_p(tensor.data_ptr())


class Norm(torch.autograd.Function):
    @staticmethod
    def forward(context, x, weight):
        x = x.contiguous()
        rows, width = x.shape
        y, root = torch.empty(rows, width, dtype=torch.bfloat16), torch.empty(rows)
        KERNELS.norm_forward(at(x), at(weight), at(y), at(root), ctypes.c_long(rows), width)
        context.save_for_backward(x, weight, root)
        return y

    @staticmethod
    def backward(context, gradient):
        x, weight, root = context.saved_tensors
        gradient = gradient.contiguous()
        dx, dw = torch.empty_like(x), torch.zeros_like(weight)
        KERNELS.norm_backward(at(x), at(weight), at(root), at(gradient), at(dx), at(dw), ctypes.c_long(x.shape[0]), x.shape[1])
        return dx, dw


class Glu(torch.autograd.Function):
    @staticmethod
    def forward(context, both):
        rows, half = both.shape[0], both.shape[1] // 2
        y = torch.empty(rows, half, dtype=torch.bfloat16)
        KERNELS.glu_forward(at(both), at(y), ctypes.c_long(rows), half)
        context.save_for_backward(both)
        return y

    @staticmethod
    def backward(context, gradient):
        both, = context.saved_tensors
        gradient = gradient.contiguous()
        d = torch.empty_like(both)
        KERNELS.glu_backward(at(both), at(gradient), at(d), ctypes.c_long(both.shape[0]), gradient.shape[1])
        return d


class Linear(torch.autograd.Function):
    @staticmethod
    def forward(context, x, weight):
        small = weight.bfloat16()
        context.save_for_backward(x, small)
        return x @ small.t()

    @staticmethod
    def backward(context, gradient):
        x, small = context.saved_tensors
        return gradient @ small, (gradient.t() @ x).float()


class Attention(torch.autograd.Function):
    """projected: [tokens, 3 * width] -> [tokens, width]; heads of equal size, causal, inside each of `lengths`"""

    @staticmethod
    def forward(context, projected, cosine, sine, heads, lengths):
        tokens, width = projected.shape[0], projected.shape[1] // 3
        size = width // heads
        scale, kept, start = ctypes.c_float(size ** -.5), [], 0
        result = torch.empty(tokens, heads, size, dtype=torch.bfloat16)
        for length in lengths:
            turned = torch.empty(3, heads, length, size, dtype=torch.bfloat16)
            KERNELS.rotary(at(projected[start:]), at(turned), at(cosine), at(sine), length, heads, size, 1)
            q, k, v = turned
            blocks = []
            for a in range(0, length, CHUNK):
                b = min(a + CHUNK, length)
                p = torch.bmm(q[:, a:b], k[:, :b].transpose(1, 2))
                KERNELS.softmax_forward(at(p), ctypes.c_long(heads), b - a, b, a, scale)
                result[start + a:start + b] = torch.bmm(p, v[:, :b]).transpose(0, 1)
                blocks.append(p)
            kept.append((turned, blocks))
            start += length
        context.kept, context.rotation, context.shape = kept, (cosine, sine), (tokens, heads, size)
        return result.view(tokens, width)

    @staticmethod
    def backward(context, gradient):
        tokens, heads, size = context.shape
        cosine, sine = context.rotation
        gradient = gradient.view(tokens, heads, size)
        scale, start = ctypes.c_float(size ** -.5), 0
        result = torch.empty(tokens, 3 * heads * size, dtype=torch.bfloat16)
        for turned, blocks in context.kept:
            q, k, v = turned
            length = q.shape[1]
            d = torch.zeros(3, heads, length, size, dtype=torch.bfloat16)
            for a, p in zip(range(0, length, CHUNK), blocks):
                b = min(a + CHUNK, length)
                g = gradient[start + a:start + b].transpose(0, 1)
                d[2, :, :b] += torch.bmm(p.transpose(1, 2), g)
                ds = torch.bmm(g, v[:, :b].transpose(1, 2))
                KERNELS.softmax_backward(at(p), at(ds), ctypes.c_long(heads), b - a, b, a, scale)
                d[0, :, a:b] = torch.bmm(ds, k[:, :b])
                d[1, :, :b] += torch.bmm(ds.transpose(1, 2), q[:, a:b])
            KERNELS.rotary(at(result[start:]), at(d), at(cosine), at(sine), length, heads, size, -1)
            start += length
        return result, None, None, None, None


def norm(x, weight):
    return Norm.apply(x, weight) if torch.is_grad_enabled() else x * torch.rsqrt((x * x).mean(-1, keepdim=True) + EPSILON) * weight


def linear(x, weight):
    return Linear.apply(x, weight) if torch.is_grad_enabled() else x @ weight.t()


def glu(both):
    if torch.is_grad_enabled():
        return Glu.apply(both)
    gate, value = both.chunk(2, -1)
    return F.silu(gate) * value


def plain_attention(projected, cosine, sine, heads):
    """one chat, float32"""
    length, size = len(projected), projected.shape[1] // 3 // heads
    q, k, v = projected.view(length, 3, heads, size).permute(1, 2, 0, 3)

    def turn(x):
        even, odd, c, s = x[..., 0::2], x[..., 1::2], cosine[:length], sine[:length]
        return torch.stack([even * c - odd * s, even * s + odd * c], -1).flatten(-2)

    scores = turn(q) @ turn(k).transpose(1, 2) * size ** -.5
    later = torch.ones(length, length, dtype=torch.bool).triu(1)
    return (scores.masked_fill(later, -1e30).softmax(-1) @ v).transpose(0, 1).reshape(length, heads * size)


def attention(projected, cosine, sine, heads, lengths):
    if torch.is_grad_enabled():
        return Attention.apply(projected, cosine, sine, heads, lengths)
    return torch.cat([plain_attention(chat, cosine, sine, heads) for chat in projected.split(lengths)])


class Block(nn.Module):
    def __init__(self, width, heads, inner):
        super().__init__()
        self.heads = heads
        self.n1, self.n2 = nn.Parameter(torch.ones(width)), nn.Parameter(torch.ones(width))
        self.qkv, self.o = nn.Linear(width, 3 * width, bias=False), nn.Linear(width, width, bias=False)
        self.gu, self.dn = nn.Linear(width, 2 * inner, bias=False), nn.Linear(inner, width, bias=False)

    def forward(self, x, cosine, sine, lengths):
        x = x + linear(attention(linear(norm(x, self.n1), self.qkv.weight), cosine, sine, self.heads, lengths), self.o.weight)
        return x + linear(glu(linear(norm(x, self.n2), self.gu.weight)), self.dn.weight)


class Model(nn.Module):
    """V entries, width D, L blocks, H heads, FF inner width, base of the rotary angles, ctx places"""

    def __init__(self, V, D, L, H, FF, base=1e6, ctx=2048):
        super().__init__()
        self.cfg = dict(V=V, D=D, L=L, H=H, FF=FF, base=base, ctx=ctx)
        self.e = nn.Embedding(V, D)
        self.b = nn.ModuleList([Block(D, H, FF) for _ in range(L)])
        self.n = nn.Parameter(torch.ones(D))
        size = D // H
        angle = torch.arange(ctx).float()[:, None] * base ** (-torch.arange(0, size, 2).float() / size)
        self.cosine, self.sine = angle.cos().contiguous(), angle.sin().contiguous()
        for name, weight in self.named_parameters():
            if weight.dim() > 1:
                nn.init.normal_(weight, 0, 0.02 / (math.sqrt(2 * L) if name.endswith(('o.weight', 'dn.weight')) else 1))

    def hidden(self, tokens, lengths):
        x = self.e(tokens)
        for block in self.b:
            x = block(x, self.cosine, self.sine, lengths)
        return norm(x, self.n)

    def forward(self, tokens):
        """tokens: [length] of one chat -> [length, V]"""
        return linear(self.hidden(tokens, [len(tokens)]), self.e.weight)

    @torch.no_grad()
    def write_copy_circuit(self):
        """Writes an induction circuit into fresh weights: block 0 gets a previous-token head and a two-back head, blocks 1 and 2 get heads
        that look for "a place whose previous token is my token" and copy what stands there. Without it copying is not learned in minutes."""
        width, heads = self.cfg['D'], self.cfg['H']
        size = width // heads
        half, constant = size // 2, 3.0
        self.e.weight[:, 0] = 0.02 * constant
        orthonormal = lambda rows: torch.linalg.qr(torch.randn(width, rows))[0].t().contiguous()
        angles = self.cfg['base'] ** (-torch.arange(0, size, 2).float() / size)
        fast = int((angles > 0.02).sum())
        code = orthonormal(half)
        code[:, 0] = 0
        kept, strength, first = [orthonormal(half), orthonormal(half)], 7.0 / constant, self.b[0]
        parts = lambda block, head: [block.qkv.weight[z * width + head * size: z * width + (head + 1) * size] for z in range(3)]
        for head, back in ((0, 1), (1, 2)):
            wq, wk, wv = parts(first, head)
            wq[:, 0] = 0
            wk[:, 0] = 0
            for i in range(fast):
                wq[2 * i, 0] = strength
                wk[2 * i, 0] = strength * math.cos(angles[i] * back)
                wk[2 * i + 1, 0] = strength * math.sin(angles[i] * back)
            wv[:half] = code
            first.o.weight[:, head * size: head * size + half] = kept[head].t() * 0.05
        for layer in range(1, min(3, self.cfg['L'])):
            for head in (0, 1):      # head 0: my token = its previous one; head 1: my previous one = its two-back
                wq, wk, wv = parts(self.b[layer], head)
                wq[size - half:] = 2 * (kept[0] if head else code)
                wk[size - half:] = 2 * kept[head]
                copied = orthonormal(size)
                copied[:, 0] = 0
                wv[:] = copied
                self.b[layer].o.weight[:, head * size:(head + 1) * size] = copied.t() * 0.08
