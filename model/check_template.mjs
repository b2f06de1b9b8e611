// node model/check_template.mjs: the chat template renders the message forms that servers send; exits 1 and says which form does not.
import { readFileSync } from 'node:fs'
import { Template } from '@huggingface/jinja'

const template = new Template(readFileSync(new URL('./chat_template.jinja', import.meta.url), 'utf8'))
const user = { role: 'user', content: 'Hi' }
const call = (args) => ({ role: 'assistant', content: null, tool_calls: [{ id: 'c', type: 'function', function: { name: 'f', arguments: args } }] })
const START = ']~!b[]~b]system\n'
const DEFAULT = `${START}You are a helpful assistant.[e~[\n`
const HI = ']~b]user\nHi[e~[\n'
const OPEN = ']~b]ai\n<think>\n'

const CASES = {
  'no system message': [{ messages: [user] }, DEFAULT + HI + OPEN],
  'empty system message': [{ messages: [{ role: 'system', content: '' }, user] }, DEFAULT + HI + OPEN],
  'developer role': [{ messages: [{ role: 'developer', content: 'Be brief.' }, user] }, `${START}Be brief.[e~[\n${HI}${OPEN}`],
  'several leading system messages': [{ messages: [{ role: 'system', content: 'A' }, { role: 'developer', content: 'B' }, user] }, `${START}A\n\nB[e~[\n${HI}${OPEN}`],
  'a later system message': [{ messages: [user, { role: 'system', content: 'B' }, user] }, `${DEFAULT}${HI}]~b]system\nB[e~[\n${HI}${OPEN}`],
  'content parts': [{ messages: [{ role: 'user', content: [{ type: 'text', text: 'H' }, { type: 'input_text', text: 'i' }] }] }, DEFAULT + HI + OPEN],
  'thinking off': [{ messages: [user], enable_thinking: false }, `${DEFAULT}${HI}${OPEN}\n</think>\n\n`],
  'null content, object arguments, tool result': [
    { messages: [user, call({ a: 'x', n: 2, b: true, l: ['é'] }), { role: 'tool', tool_call_id: 'c', content: 'ok' }] },
    `${DEFAULT}${HI}]~b]ai\n<minimax:tool_call>\n<invoke name="f">\n<parameter name="a">x</parameter>\n<parameter name="n">2</parameter>\n<parameter name="b">true</parameter>\n<parameter name="l">["é"]</parameter>\n</invoke>\n</minimax:tool_call>[e~[\n]~b]tool\n<response>ok</response>[e~[\n${OPEN}`,
  ],
  'two tool results in a row': [
    { messages: [user, call({}), { role: 'tool', content: 'a' }, { role: 'tool', content: [{ type: 'text', text: 'b' }] }] },
    `${DEFAULT}${HI}]~b]ai\n<minimax:tool_call>\n<invoke name="f">\n</invoke>\n</minimax:tool_call>[e~[\n]~b]tool\n<response>a</response>\n<response>b</response>[e~[\n${OPEN}`,
  ],
  'a past thought is left out, a present one kept': [
    { messages: [user, { role: 'assistant', content: '<think>\nold\n</think>\n\nHello', reasoning_content: 'old' }, user, { role: 'assistant', content: 'so', reasoning_content: 'new' }] },
    `${DEFAULT}${HI}]~b]ai\nHello[e~[\n${HI}]~b]ai\n<think>\nnew\n</think>\n\nso[e~[\n${OPEN}`,
  ],
}

const failed = Object.entries(CASES).filter(([name, [given, wanted]]) => {
  const found = template.render({ add_generation_prompt: true, ...given })
  if (found !== wanted) process.stdout.write(`${name}\n  wanted ${JSON.stringify(wanted)}\n  found  ${JSON.stringify(found)}\n`)
  return found !== wanted
})
process.stdout.write(`${Object.keys(CASES).length - failed.length} of ${Object.keys(CASES).length} message forms rendered as meant\n`)
process.exitCode = failed.length === 0 ? 0 : 1
