// node model/evaluate_server.mjs URL KEY prompts.jsonl [TIMES] [--show]: asks a running server each prompt, with nothing set but the model,
// over chat completions and over Responses; an answer counts when it matches the wanted regular expression.
import { readFileSync } from 'node:fs'
import { visible } from './engine.mjs'

const [url, key, file, ...flags] = process.argv.slice(2)
const times = Number(flags.find((flag) => /^\d+$/.test(flag)) ?? 1)
const model = 'MiniMax-M2.7'

async function post(path, body) {
  const answer = await fetch(`${url}${path}`, { method: 'POST', headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' }, body: JSON.stringify({ model, ...body }) })
  return answer.json()
}

const surfaces = {
  chat: async (prompt) => (await post('/v1/chat/completions', { messages: [{ role: 'user', content: prompt }] })).choices[0].message.content,
  responses: async (prompt) => (await post('/v1/responses', { input: prompt })).output.flatMap((item) => (item.type === 'message' ? item.content : [])).map((part) => part.text).join(''),
}

const prompts = readFileSync(file, 'utf8').trim().split('\n').map((line) => JSON.parse(line))
for (const [surface, ask] of Object.entries(surfaces)) {
  const counts = []
  for (let round = 0; round < times; round++) {
    let right = 0
    for (const { prompt, wanted } of prompts) {
      const answer = visible(await ask(prompt))
      const good = new RegExp(wanted).test(answer)
      right += Number(good)
      if (flags.includes('--show')) process.stdout.write(`${good ? ' ' : '!'} ${JSON.stringify(prompt)} -> ${JSON.stringify(answer)}\n`)
    }
    counts.push(right)
  }
  process.stdout.write(`${surface}: ${counts.map((right) => `${right}/${prompts.length}`).join(', ')}\n`)
}
