"""python3 evaluate.py MODEL.pt cases.jsonl: per skill, whole turns that float32 torch gets exactly right (thought included).

Teacher-forced: each token must be the arg-max after the right ones before it, which for an exact match is the same as greedy decoding."""
import json
import sys

import torch

import network
from tok import Tok


@torch.no_grad()
def main(checkpoint, cases):
    torch.set_num_threads(1)
    saved = torch.load(checkpoint)
    model = network.Model(**saved['cfg'])
    model.load_state_dict(saved['sd'])
    tokenizer, counts = Tok(json.load(open('tok.json'))), {}
    for line in open(cases):
        case = json.loads(line)
        prompt, wanted = tokenizer.enc(case['prompt']), tokenizer.enc(case.get('want_now', case['want']))
        best = model(torch.tensor(prompt + wanted))[len(prompt) - 1:-1].argmax(-1).tolist()
        right, total = counts.get(case['tag'], (0, 0))
        counts[case['tag']] = (right + (best == wanted), total + 1)
    for skill, (right, total) in sorted(counts.items()):
        print(f'{skill:12s} {right}/{total}')
    right, total = (sum(column) for column in zip(*counts.values()))
    print(f'all {right}/{total} = {100 * right / total:.1f}%')


if __name__ == '__main__':
    main(*sys.argv[1:3])
