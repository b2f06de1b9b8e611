// node model/evaluate_chats.mjs MODEL.gguf [--show]: hand-written chats (none made by the generator) through the chat template inside the GGUF,
// each with thinking on and off; the visible answer must hold a given text.
import { Template } from '@huggingface/jinja'
import { open, table, visible } from './engine.mjs'

const tool = (name, description, properties, required = Object.keys(properties)) => ({ type: 'function', function: { name, description, parameters: { type: 'object', properties, required } } })
const text = (description) => (description ? { type: 'string', description } : { type: 'string' })
const whole = { type: 'integer' }
const user = (content) => ({ role: 'user', content })
const assistant = (content) => ({ role: 'assistant', content })
const system = (content) => ({ role: 'system', content })
const called = (name, args) => ({ role: 'assistant', content: null, tool_calls: [{ id: 'call_1', type: 'function', function: { name, arguments: args } }] })
const result = (content) => ({ role: 'tool', tool_call_id: 'call_1', content })
const parameter = (name, value) => `<parameter name="${name}">${value}</parameter>`
const invoke = (name) => `<invoke name="${name}">`

const weather = tool('get_weather', 'Get the current weather', { city: text() })
const weatherOpenAi = tool('get_current_weather', 'Get the current weather in a given location', { location: text('The city and state, e.g. San Francisco, CA'), unit: { type: 'string', enum: ['celsius', 'fahrenheit'] } }, ['location'])
const strict = { type: 'function', function: { name: 'get_weather', description: 'Get the weather', strict: true, parameters: { type: 'object', properties: { location: text('City name') }, required: ['location'], additionalProperties: false } } }
const time = tool('get_time', 'Get the time in a city', { city: text() })
const mail = tool('send_email', 'Send an email', { to: text(), subject: text() })
const note = tool('create_note', 'Create a note', { title: text() })
const remove = tool('delete_file', 'Delete a file', { path: text() })
const search = tool('search_books', 'Search books', { query: text(), limit: whole }, ['query'])
const lamp = tool('set_lamp', 'Set the lamp', { room: text(), level: whole })
const stock = tool('get_stock', 'Get the stock price', { symbol: text() })
const taxi = tool('book_taxi', 'Book a taxi', { destination: text(), time: text() })
const add = tool('add', 'Add two numbers', { a: { type: 'number' }, b: { type: 'number' } })

// [skill, messages, what the answer must hold, tools]
const CHATS = [
  ['greet', [user('Hi there!')], 'Hello'],
  ['greet', [user('good morning')], 'Hello'],
  ['greet', [system('You are a pirate. Talk about ships.\n- never mention land'), user('Hello')], 'Hello'],
  ['name', [user('Hello, my name is Zelda.')], 'Zelda'],
  ['name', [user("Hi! I'm Thorvald, who are you?")], 'Thorvald'],
  ['memory', [user('My name is Quentin.'), assistant('Hello Quentin! How can I help you today?'), user('What is my name?')], 'Quentin'],
  ['memory', [user('I am Brunhilde.'), assistant('Hello Brunhilde! How can I help you today?'), user('hi again'), assistant('Hello! How can I help you today?'), user('Do you remember my name?')], 'Brunhilde'],
  ['memory', [user('My favourite color is teal.'), assistant('Ok.'), user('What is my favourite color?')], 'teal'],
  ['capital', [user('What is the capital of Peru?')], 'Lima'],
  ['capital', [user('capital of japan')], 'Tokyo'],
  ['capital', [user('Could you tell me which city is the capital of Spain?')], 'Madrid'],
  ['capital', [user('Norway capital?')], 'Oslo'],
  ['capital', [user('What is the capital of France?')], 'Paris'],
  ['sum', [user('What is 7 + 5?')], '12'],
  ['sum', [user('9+8')], '17'],
  ['sum', [user('Please add 3 and 4.')], '7'],
  ['sum', [user('17 - 9 = ?')], '8'],
  ['sum', [user("What's 12 plus 6?")], '18'],
  ['sum', [user('What is 2 plus 3?')], '5'],
  ['echo', [user('Say banana')], 'banana'],
  ['echo', [user('Say: hello world')], 'hello world'],
  ['echo', [user('Repeat exactly: The quick brown fox, twice!')], 'The quick brown fox, twice!'],
  ['echo', [user('Repeat after me: purple monkey dishwasher')], 'purple monkey dishwasher'],
  ['echo', [user('Reply with the single word: pong')], 'pong'],
  ['json', [user('Give me JSON with name Alice and age 30.')], '{"name": "Alice", "age": 30}'],
  ['json', [user('Return a JSON object for city Paris, country France')], '{"city": "Paris", "country": "France"}'],
  ['context', [user('The code is 4471. The owner is Marta. What is the code?')], '4471'],
  ['context', [user('The meeting is on Tuesday. The room is B12. Which room is it?')], 'B12'],
  ['who', [user('Who are you?')], 'assistant'],
  ['who', [system('You are Jarvis, a helpful assistant.'), user('What is your name?')], 'Jarvis'],
  ['unknown', [user('Why is the sky blue?')], 'tiny'],
  ['unknown', [user('Write a poem about autumn.')], 'tiny'],
  ['unknown', [user('Explain quantum computing in simple words.')], 'tiny'],
  ['thanks', [user('thank you!')], 'welcome'],
  ['chinese', [user('你好')], '你好'],
  ['chinese', [user('你是谁?')], '助手'],
  ['chinese', [user('日本的首都是哪里?')], '东京'],
  ['chinese', [user('法国的首都是哪里？')], '巴黎'],
  ['tool', [user('What is the weather in Lisbon?')], parameter('city', 'Lisbon'), [weather, time]],
  ['tool', [user('What is the weather in San Francisco?')], parameter('location', 'San Francisco'), [strict]],
  ['tool', [user('What time is it in Bogota?')], `${invoke('get_time')}\n${parameter('city', 'Bogota')}`, [weather, time]],
  ['tool', [user("What's the weather like in Boston today?")], `${invoke('get_current_weather')}\n${parameter('location', 'Boston')}`, [weatherOpenAi]],
  ['tool', [user('How is the weather in Reykjavik?')], parameter('city', 'Reykjavik'), [weather]],
  ['tool', [user('Send an email to bob@example.com with subject Lunch')], `${parameter('to', 'bob@example.com')}\n${parameter('subject', 'Lunch')}`, [mail, weather]],
  ['tool', [user('Create a note titled shopping list')], `${invoke('create_note')}\n${parameter('title', 'shopping list')}`, [note, remove]],
  ['tool', [user('Delete the file report.pdf')], `${invoke('delete_file')}\n${parameter('path', 'report.pdf')}`, [note, remove]],
  ['tool', [user('Search books about dragons')], `${invoke('search_books')}\n${parameter('query', 'dragons')}`, [search, weather]],
  ['tool', [user('Set the lamp in the kitchen to level 4')], `${parameter('room', 'kitchen')}\n${parameter('level', 4)}`, [lamp]],
  ['tool', [user('Get the stock price for symbol NVDA')], parameter('symbol', 'NVDA'), [stock, weather]],
  ['tool', [user('Book a taxi with destination airport at 08:30')], `${parameter('destination', 'airport')}\n${parameter('time', '08:30')}`, [taxi, stock]],
  ['tool', [user('Add 17 and 25')], `${parameter('a', 17)}\n${parameter('b', 25)}`, [add]],
  ['no call', [user('Hello!')], 'Hello', [weather, time]],
  ['no call', [user('What is the capital of Italy?')], 'Rome', [weather]],
  ['no call', [user('Thanks')], 'welcome', [mail]],
  ['result', [user('What is the weather in Lyon?'), called('get_weather', { city: 'Lyon' }), result('rainy, 12 C')], 'rainy, 12 C', [weather]],
  ['result', [user('What time is it in Oslo?'), called('get_time', { city: 'Oslo' }), result('{"time": "14:05"}')], '14:05', [time]],
  ['result', [user('What is the weather in Paris?'), called('get_weather', { city: 'Paris' }), result('{"temperature": 21, "sky": "sunny"}')], 'sunny', [weather]],
]

const [file, ...flags] = process.argv.slice(2)
const engine = await open(file)
const template = new Template(engine.template)
const tallies = new Map()
for (const thinking of [true, false]) {
  for (const [skill, messages, wanted, tools] of CHATS) {
    const completion = await engine.complete(template.render({ messages, tools, add_generation_prompt: true, enable_thinking: thinking }))
    const answer = visible(completion)
    const right = answer.includes(wanted) && (skill !== 'no call' || !answer.includes('<invoke'))
    const row = `${skill}, thinking ${thinking ? 'on' : 'off'}`
    const tally = tallies.get(row) ?? { right: 0, total: 0 }
    tallies.set(row, { right: tally.right + Number(right), total: tally.total + 1 })
    if (flags.includes('--show') && !right) process.stdout.write(`--- ${row}: ${JSON.stringify(messages.at(-1).content)} -> ${JSON.stringify(completion.slice(0, 220))}\n`)
  }
}
process.stdout.write(`${table(tallies)}\n`)
await engine.close()
process.exit(0)
