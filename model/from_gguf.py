"""python3 from_gguf.py MODEL.gguf OUT.pt: turn an exported GGUF (F32 or Q8_0) back into a checkpoint, to continue training from it."""
import struct
import sys

import torch

import checkpoint

SIZES = {0: 1, 1: 1, 2: 2, 3: 2, 4: 4, 5: 4, 6: 4, 7: 1, 10: 8, 11: 8, 12: 8}
FORMATS = {0: 'B', 1: 'b', 2: 'H', 3: 'h', 4: 'I', 5: 'i', 6: 'f', 7: '?', 10: 'Q', 11: 'q', 12: 'd'}
STRING, ARRAY, F32, Q8_0, BLOCK = 8, 9, 0, 8, 34


class Reader:
    def __init__(self, data):
        self.data, self.at = data, 0

    def scalar(self, kind):
        value = struct.unpack_from('<' + FORMATS[kind], self.data, self.at)[0]
        self.at += SIZES[kind]
        return value

    def text(self):
        size = self.scalar(10)
        self.at += size
        return self.data[self.at - size:self.at].decode('utf8')

    def value(self, kind):
        if kind == STRING:
            return self.text()
        if kind == ARRAY:
            inner, count = self.scalar(4), self.scalar(10)
            return [self.value(inner) for _ in range(count)]
        return self.scalar(kind)


def dequantise(data, kind, count):
    if kind == F32:
        return torch.frombuffer(bytearray(data[:count * 4]), dtype=torch.float32)
    if kind != Q8_0:
        raise SystemExit(f'tensor type {kind} is not supported (F32 or Q8_0)')
    blocks = torch.frombuffer(bytearray(data[:count // 32 * BLOCK]), dtype=torch.uint8).view(-1, BLOCK)
    scale = blocks[:, :2].contiguous().view(torch.float16).float()
    return (blocks[:, 2:].contiguous().view(torch.int8).float() * scale).flatten()


def read(path):
    """-> (metadata by key, tensors by name as float32, rows first)"""
    reader = Reader(open(path, 'rb').read())
    reader.at = 8
    tensors, pairs = reader.scalar(10), reader.scalar(10)
    metadata = {}
    for _ in range(pairs):
        key = reader.text()
        metadata[key] = reader.value(reader.scalar(4))
    entries = []
    for _ in range(tensors):
        name, dimensions = reader.text(), reader.scalar(4)
        entries.append((name, [reader.scalar(10) for _ in range(dimensions)], reader.scalar(4), reader.scalar(10)))
    start = (reader.at + 31) // 32 * 32
    found = {}
    for name, shape, kind, offset in entries:
        count = 1
        for n in shape:
            count *= n
        found[name] = dequantise(reader.data[start + offset:], kind, count).view(*reversed(shape))
    return metadata, found


def main(source, target):
    metadata, tensors = read(source)
    field = lambda name: metadata['llama.' + name]
    layers = field('block_count')
    state = {'e.weight': tensors['token_embd.weight'], 'n': tensors['output_norm.weight']}
    for layer in range(layers):
        block, own = f'blk.{layer}.', f'b.{layer}.'
        take = lambda name: tensors[block + name + '.weight']
        state[own + 'n1'], state[own + 'n2'] = take('attn_norm'), take('ffn_norm')
        state[own + 'qkv.weight'] = torch.cat([take('attn_q'), take('attn_k'), take('attn_v')])
        state[own + 'o.weight'] = take('attn_output')
        state[own + 'gu.weight'] = torch.cat([take('ffn_gate'), take('ffn_up')])
        state[own + 'dn.weight'] = take('ffn_down')
    config = dict(V=field('vocab_size'), D=field('embedding_length'), L=layers, H=field('attention.head_count'),
                  FF=field('feed_forward_length'), base=field('rope.freq_base'), ctx=field('context_length'))
    checkpoint.save(state, config, target)
    print(config, sum(t.numel() for t in state.values()), 'parameters')


if __name__ == '__main__':
    main(*sys.argv[1:3])
