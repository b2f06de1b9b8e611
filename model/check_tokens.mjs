// node model/check_tokens.mjs MODEL.gguf tokens.jsonl: llama.cpp's token ids equal those of the training side; exits 1 if not.
import { readFileSync } from 'node:fs'
import { open } from './engine.mjs'

const [file, tokens] = process.argv.slice(2)
const engine = await open(file)
const lines = readFileSync(tokens, 'utf8').trim().split('\n').map((line) => JSON.parse(line))
const different = lines.filter(({ prompt, ids }) => JSON.stringify(engine.tokenize(prompt)) !== JSON.stringify(ids))
process.stdout.write(`${lines.length} prompts, ${different.length} different\n`)
await engine.close()
process.exit(different.length === 0 ? 0 : 1)
