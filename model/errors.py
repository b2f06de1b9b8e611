"""python3 errors.py MODEL.pt train|test COUNT [skill]: the first wrong token of each wrong turn, with the request and the text before it"""
import json
import random
import sys

import torch

import network
from generator import chats
from tok import Tok


@torch.no_grad()
def main(checkpoint, split, count, only=''):
    torch.set_num_threads(1)
    saved = torch.load(checkpoint)
    model = network.Model(**saved['cfg'])
    model.load_state_dict(saved['sd'])
    tokenizer = Tok(json.load(open('tok.json')))
    random.seed(11)
    for _ in range(int(count)):
        tokens, skill, request = [], '', ''
        turns = []
        for text, kind in chats.conversation(split, *([1.0] if only in ('tool', 'two_calls', 'result', 'no_tool', 'none_fits') else [])):
            if kind == chats.MARKER:
                skill = text[1:]
                continue
            if ']~b]user' in text:
                request = text.split(']~b]user\n')[1]
            piece = tokenizer.enc(text)
            if kind == chats.TRAINED:
                turns.append((len(tokens), len(tokens) + len(piece), skill, request))
            tokens += piece
        best = model(torch.tensor(tokens)).argmax(-1).tolist()
        for start, end, skill, request in turns:
            wrong = [i for i in range(start, end) if best[i - 1] != tokens[i]]
            if wrong and (not only or skill == only):
                i = wrong[0]
                print(f'{skill}: {request[:160]!r}\n    {tokenizer.dec(tokens[start:i])[-90:]!r} wanted {tokenizer.dec(tokens[i:i + 6])!r} got {tokenizer.dec([best[i - 1]])!r} ({len(wrong)} wrong)')


if __name__ == '__main__':
    main(*sys.argv[1:5])
