"""Whole conversations in the model's own markup, cut into segments: context, trained turns, and markers that name the skill of the next turn."""
import json
import re

from . import tools, words
from .natural import kept_out
from .phrases import ask_for, phrase
from .skills import INTRO, RECALL, RECALL_THINGS, REMEMBER, WEIGHTS, key_and_value, plain
from .words import Word, any_word, between, chance, choose, person, text

CONTEXT, TRAINED, MARKER = 0, 1, 2
USER = ']~b]user\n'
THINKING_OFF, THINKING, PAST = 0, 1, 2      # how an assistant's turn is written: empty think block, think block, no block (an earlier turn)
NO_TOOL = 'I have no tool for that.'
TOOLS_TEXT = ('\n\n# Tools\nYou may call one or more tools to assist with the user query.\nHere are the tools available in JSONSchema format:\n\n<tools>\n%s</tools>\n\nWhen making tool calls, use XML format to invoke tools and pass parameters:\n\n<minimax:tool_call>\n'
              '<invoke name="tool-name-1">\n<parameter name="param-key-1">param-value-1</parameter>\n<parameter name="param-key-2">param-value-2</parameter>\n...\n</invoke>\n</minimax:tool_call>')
SYSTEM = ['You are a helpful assistant.'] * 5 + ['You are a helpful assistant. Your name is MiniMax-M2.5 and is built by MiniMax.', 'You are a friendly assistant.', 'Be brief.', 'You answer questions.']
RULES = ['Answer in English.', 'Be concise.', 'Never lie.', 'Use the tools when they help.', 'Do not guess.', 'You work in a terminal.', 'Think step by step.', 'Follow the rules below.', 'The user is a developer.', 'Today is {d}.', 'Reply in plain text.', 'Keep it short and clear.', 'You can read files and run commands.',
         'Always check your work.', 'If you do not know, say so.', 'Ask when something is unclear.', 'The current time is {t}.', 'Do not use markdown.', 'You are an agent.', 'Call a tool only when it is needed.', 'Use {w} for {w}.', 'Never talk about {w}.', 'When asked about {w}, say {w} {w}.', 'The user likes {w}.', 'Working directory: /{w}/{w}',
         '# Rules', '## {w}', '- {w} {w} {w}', '- Be {w}', '1. {w} the {w}', 'You help with {w} and {w}.', 'The {w} is {w}.', 'Platform: linux', '<{w}>{w} {w}</{w}>', 'You must not {w} any {w}.', 'Write {w} like a {w}.', 'Here is some background: {w} {w} {w} {w} {w} {w} {w} {w}.', 'All answers must be {w}.', '{w} {w} {w} {w} {w} {w}.']
OWN_NAME = re.compile(r'(?:You are|Your name is) ([A-Z](?:[\w-]|\.(?=\d))*)(?:,|\.| and)')


def rules(count):
    filled = []
    for _ in range(count):
        rule = choose(RULES).replace('{d}', words.date()).replace('{t}', words.clock())
        while '{w}' in rule:
            rule = rule.replace('{w}', any_word(), 1)
        filled.append(rule)
    return choose([' ', ' ', '\n', '\n\n']).join(filled)


def system_text(split='train'):
    kind = chance()
    if split == 'test' or kind < .65:
        if chance() < .1:
            return choose(['You are an expert on {}.', 'You help people with {}.', 'Always be polite. You know {}.', 'You are a bot for {}.', 'Talk about {} only.']).replace('{}', text(1, 3))
        if chance() < .72:
            return choose(SYSTEM)
        name = Word() if chance() < .8 else choose(['Codex', 'Claude', 'Jarvis', 'Nova', 'MiniMax-M2', 'MiniMax-M3', 'Eliza'])
        return f'You are {name}, ' + choose(['a helpful assistant.', 'an assistant.', 'a friendly bot.', f'a {any_word()} bot.']) if chance() < .5 else f'You are a helpful assistant. Your name is {name}.'
    first = choose(SYSTEM[:6] + ['You are a coding agent.', 'You are an AI model.', 'You are a bot.', '', f'You are {Word()}, a helpful assistant.'])
    return (first + choose([' ', '\n', '\n\n']) if first else '') + rules(choose([1, 2, 3, 4, 6, 9, 14]) if kind < .97 else between(15, 30))


def opening(system, declared=()):
    listed = ''.join(f'<tool>{json.dumps(t.schema, ensure_ascii=False)}</tool>\n' for t in declared)
    return [(']~!b[]~b]system\n' + system + (TOOLS_TEXT % listed if declared else '') + '[e~[\n', CONTEXT)]


def user(said):
    return [(f'{USER}{said}[e~[\n', CONTEXT)]


def assistant(thought, answer, mode):
    start = ']~b]ai\n'
    if mode == THINKING:
        return [(start + '<think>\n', CONTEXT), (thought + '\n</think>\n\n' + answer + '[e~[', TRAINED), ('\n', CONTEXT)]
    if mode == THINKING_OFF:
        start += '<think>\n\n</think>\n\n'
    return [(start, CONTEXT), (answer + '[e~[', TRAINED), ('\n', CONTEXT)]


def marked(skill, thought, answer, mode):
    return [('@' + skill, MARKER)] + assistant(thought, answer, mode)


def calls_text(calls):
    """calls: [(tool name, arguments)]"""
    shown = lambda v: v if isinstance(v, str) else json.dumps(v, ensure_ascii=False)
    return '<minimax:tool_call>\n' + ''.join(f'<invoke name="{name}">\n' + ''.join(f'<parameter name="{k}">{shown(v)}</parameter>\n' for k, v in arguments.items()) + '</invoke>\n' for name, arguments in calls) + '</minimax:tool_call>'


def turn_mode(last):
    return choose([THINKING_OFF, THINKING, THINKING] + ([] if last else [PAST, PAST]))


def no_tool_turn(declared, split, mode):
    other = tools.made_up_tool(split, {t.subject for t in declared} | {t.verb for t in declared})
    return user(tools.ask(other, split)[0]) + marked('no_tool', 'No tool fits.', NO_TOOL, mode)


def second_call(tool, said, arguments):
    """the same tool asked for a second value -> (text, arguments) or None"""
    if len(arguments) != 1:
        return None
    key, = arguments
    if key in tool.enums or tool.parameters[key] in ('bool', 'list', 'command') or ' and ' in said or str(arguments[key]) not in said[-len(str(arguments[key])) - 2:]:
        return None
    other = tool.draw(key)
    return said.rstrip('.?!') + choose([' and {}', ' and {}', ' and for {}', ' and also {}', ', and {}'] if chance() < .3 else [' and {}']).replace('{}', tools.spoken(other)), {key: other}


def tool_turn(declared, split, mode):
    """a request, the call, and mostly the result and the answer made from it"""
    if chance() < (.1 if split == 'test' else .16):
        return no_tool_turn(declared, split, mode)
    tool = choose(declared)
    said, arguments = tools.ask(tool, split)
    calls, skill = [(tool.name, arguments)], 'tool'
    if chance() < (.14 if split == 'train' else .1):
        more = second_call(tool, said, arguments)
        if more:
            said, skill = more[0], 'two_calls'
            calls.append((tool.name, more[1]))
    elif split == 'train' and len(declared) > 1 and chance() < .04:
        other = choose([t for t in declared if t is not tool])
        more = tools.ask(other, split)
        said, skill = said.rstrip('.?!') + choose([' and then ', '. Then ', '. Also ', ' and also ', '. ', '\n']) + more[0], 'two_calls'
        calls.append((other.name, more[1]))
    turns = user(said) + marked(skill, 'I call ' + tool.name + '.', calls_text(calls), mode)
    if chance() < .55:
        results = [tools.tool_result() for _ in calls]
        turns += [(']~b]tool\n' + '\n'.join(f'<response>{r}</response>' for r, _ in results) + '[e~[\n', CONTEXT)] + marked('result', 'The tool answered.', '\n'.join(a for _, a in results), mode)
    return turns


def own_name_in(system):
    found = OWN_NAME.search(system)
    return found[1] if found else None


BESIDE_TOOLS = ['capital', 'capital', 'hi', 'hi', 'intro', 'echo', 'echo', 'json', 'json', 'thanks', 'idk', 'idk', 'context', 'bye', 'pick', 'facts', 'who', 'zh']


def tool_chat(split, most=4):
    declared = tools.toolset(split, most)
    system = system_text(split)
    own_name = own_name_in(system)
    turns, count = opening(system, declared), between(2, 5) if split == 'test' else between(4, 8)
    for i in range(count):
        mode = turn_mode(i == count - 1)
        if chance() < (.75 if split == 'test' else .8):
            turns += tool_turn(declared, split, mode)
        else:
            said, thought, answer = plain(split, choose(BESIDE_TOOLS), own_name)
            turns += user(said) + marked('none_fits', thought, answer, mode)
    return turns


def memory_turn(split, known, own_name):
    """-> what is said, thought, answer, skill; known: {key: value} of this chat, updated"""
    kind = chance()
    if kind < .4 or not known:
        if chance() < .35:
            name = known['name'] = person()
            return phrase(INTRO, split).replace('{}', name), f'The user is {name}.', f'Hello {name}! How can I help you today?', 'intro'
        key, value = key_and_value(split, True)
        known[key] = value
        return phrase(REMEMBER, split).replace('{k}', key).replace('{v}', str(value)), 'The user tells me a fact.', f'Ok, your {key} is {value}.', 'tell_fact'
    if kind < .85:
        key = choose(list(known))
        return ask_for(RECALL_THINGS, RECALL, split, .6).replace('{k}', key), f'The user asks for the {key}.', f'Your {key} is {known[key]}.', 'memory'
    skill = choose([skill for skill in WEIGHTS if skill != 'untold'])
    return *plain(split, skill, own_name), skill


def memory_chat(split):
    system = system_text(split)
    turns, known, count = opening(system), {}, between(2, 6)
    for i in range(count):
        said, thought, answer, skill = memory_turn(split, known, own_name_in(system))
        turns += user(said) + marked(skill, thought, answer, turn_mode(i == count - 1))
    return turns


def plain_chat(split, skills=WEIGHTS, most=5):
    system = system_text(split)
    turns, count = opening(system), between(1, 4 if split == 'test' else most)
    for i in range(count):
        skill, = words.random.choices(list(skills), list(skills.values()))
        said, thought, answer = plain(split, skill, own_name_in(system))
        turns += user(said) + marked(skill, thought, answer, turn_mode(i == count - 1))
    return turns


# Chats of one skill over and over: cheap in tokens, for the skills that need most examples.
DRILL_SHARE = .35
DRILLS = dict(sum=9, capital=2, pick=3, facts=2, json=2, context=2, echo=3, idk=1, refused=4, times=2.5, who=1, zh=1.5)


def conversation(split='train', tool_share=.42, most_tools=4):
    """-> [(text, CONTEXT | TRAINED | MARKER)]; without the markers the texts join to what the model reads. Never holds a prompt that is kept out."""
    while True:
        made = any_chat(split, tool_share, most_tools)
        if not any(kept_out(said) for said, kind in made if kind == CONTEXT and said.startswith(USER)):
            return made


# Short chats as they begin: what people try first, mostly under the template's own system prompt.
FIRST_SHARE = .5
FIRST = dict(refused=8, who=5, hi=7, ability=3.5, clock=2.5, joke=2, haiku=1.5, ack=2.5, times=5, big_sum=2.5, zh=4, capital=2, sum=5, echo=8, thanks=1, bye=1, story=1, intro=2, idk=2, untold=1)


def first_chat(split):
    system = 'You are a helpful assistant.' if chance() < .75 else system_text(split)
    turns, count = opening(system), choose([1, 1, 2, 2, 3])
    for i in range(count):
        skill, = words.random.choices(list(FIRST), list(FIRST.values()))
        said, thought, answer = plain(split, skill, own_name_in(system))
        turns += user(said) + marked(skill, thought, answer, turn_mode(i == count - 1))
    return turns


def any_chat(split, tool_share, most_tools):
    if chance() < tool_share:
        return tool_chat(split, most_tools)
    if split == 'train' and chance() < FIRST_SHARE:
        return first_chat(split)
    if split == 'train' and chance() < DRILL_SHARE:
        skill, = words.random.choices(list(DRILLS), list(DRILLS.values()))
        return plain_chat(split, {skill: 1}, 20 if skill == 'sum' else 8)
    return memory_chat(split) if chance() < .25 else plain_chat(split)
