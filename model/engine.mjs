// The model on the engine that the server uses, for the evaluation scripts: greedy decoding on one thread.
import { getLlama } from 'node-llama-cpp'

const LONGEST_ANSWER = 220 // tokens

/** Loads a GGUF file; `complete` continues a rendered prompt and counts tokens and time, `template` is the file's own chat template. */
export async function open(file) {
  const llama = await getLlama({ gpu: false, build: 'never', skipDownload: true, maxThreads: 1, logLevel: 'error' })
  const model = await llama.loadModel({ modelPath: file })
  const context = await model.createContext({ contextSize: 2048, threads: 1 })
  const sequence = context.getSequence()
  const spent = { tokens: 0, milliseconds: 0 }

  async function complete(prompt) {
    await sequence.clearHistory()
    const tokens = []
    const began = performance.now()
    for await (const token of sequence.evaluate(model.tokenize(prompt, true), { temperature: 0 })) {
      if (model.isEogToken(token) || tokens.length === LONGEST_ANSWER) break
      tokens.push(token)
    }
    spent.milliseconds += performance.now() - began
    spent.tokens += tokens.length
    return model.detokenize(tokens, true)
  }

  return { complete, spent, template: model.fileInfo.metadata.tokenizer.chat_template, tokenize: (text) => Array.from(model.tokenize(text, true)), close: () => llama.dispose() }
}

/** What the user sees of a completion: the part after the thought. */
export const visible = (text) => text.split('</think>').pop().trim()

/** Prints `part/whole` rows per skill and their sum; tallies: Map of skill -> { right, total }. */
export function table(tallies) {
  const rows = [...tallies].sort(([a], [b]) => (a < b ? -1 : 1))
  const right = rows.reduce((sum, [, t]) => sum + t.right, 0)
  const total = rows.reduce((sum, [, t]) => sum + t.total, 0)
  return [...rows.map(([skill, t]) => `${skill.padEnd(12)} ${t.right}/${t.total}`), `all ${right}/${total} = ${((100 * right) / total).toFixed(1)}%`].join('\n')
}
