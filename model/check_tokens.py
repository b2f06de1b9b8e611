"""python3 check_tokens.py < cases.jsonl > tokens.jsonl: this folder's token ids of each prompt, for check_tokens.mjs"""
import json
import sys

from tok import Tok

tokenizer = Tok(json.load(open('tok.json')))
for line in sys.stdin:
    prompt = json.loads(line)['prompt']
    print(json.dumps(dict(prompt=prompt, ids=tokenizer.enc(prompt))))
