// node model/evaluate.mjs MODEL.gguf cases.jsonl [--show] [--first]: per skill, how many visible answers are exactly the wanted ones.
// --show prints the wrong ones; --first takes the wanted answers as they were when the case was made, where a later model is meant to answer otherwise.
import { readFileSync } from 'node:fs'
import { open, table, visible } from './engine.mjs'

const [file, cases, ...flags] = process.argv.slice(2)
const engine = await open(file)
const tallies = new Map()
for (const line of readFileSync(cases, 'utf8').trim().split('\n')) {
  const { tag, prompt, want, want_now: wantNow } = JSON.parse(line)
  const wanted = visible((flags.includes('--first') ? want : (wantNow ?? want)).replace('[e~[', ''))
  const answer = visible(await engine.complete(prompt))
  const tally = tallies.get(tag) ?? { right: 0, total: 0 }
  tallies.set(tag, { right: tally.right + Number(answer === wanted), total: tally.total + 1 })
  if (flags.includes('--show') && answer !== wanted) {
    const asked = prompt.split(']~b]').at(-2)
    process.stdout.write(`--- ${tag}\n  asked:  ${JSON.stringify(asked)}\n  wanted: ${JSON.stringify(wanted)}\n  got:    ${JSON.stringify(answer)}\n`)
  }
}
process.stdout.write(`${table(tallies)}\n${Math.round((1000 * engine.spent.tokens) / engine.spent.milliseconds)} tokens/s on one thread, prompt reading included\n`)
await engine.close()
process.exit(0)
