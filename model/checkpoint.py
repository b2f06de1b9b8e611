"""Writes a checkpoint: PATH for torch, PATH.json and PATH.bin (raw float32) for export.mjs."""
import json
import os

import torch


def save(state, config, path):
    torch.save(dict(sd=state, cfg=config), path + '.tmp')
    os.replace(path + '.tmp', path)
    places, offset = {}, 0
    with open(path + '.bin', 'wb') as file:
        for key, tensor in state.items():
            raw = tensor.detach().contiguous().numpy().tobytes()
            file.write(raw)
            places[key] = [offset, list(tensor.shape)]
            offset += len(raw)
    with open(path + '.json', 'w') as file:
        json.dump(dict(cfg=config, idx=places), file)
