"""Declared tools (JSON schema in many forms), requests that fit them, and what they answer."""
import json
import re

from . import catalogue, words
from .phrases import expand, held_out_pattern, keep_apart, phrase, upper_first, vary
from .skills import KEYS, dump
from .words import SKIES, TYPES, Word, any_word, between, chance, choose, city, number, text, value, word

VERBS = {'get': ['get', 'show me', 'tell me', 'give me', 'what is', 'fetch', 'I need', 'check'], 'create': ['create', 'make', 'add'], 'send': ['send', 'write'], 'delete': ['delete', 'remove', 'erase'],
         'search': ['search', 'find', 'look up', 'look for'], 'start': ['start', 'begin', 'run', 'launch'], 'stop': ['stop', 'end', 'halt'], 'set': ['set', 'change', 'update'], 'play': ['play', 'put on'], 'book': ['book', 'reserve', 'order'],
         'open': ['open'], 'add': ['add', 'put'], 'list': ['list', 'show', 'show me'], 'update': ['update', 'change', 'edit'], 'read': ['read', 'show'], 'find': ['find', 'search', 'look for'], 'check': ['check', 'test', 'verify'],
         'print': ['print'], 'copy': ['copy', 'duplicate'], 'move': ['move', 'shift'], 'close': ['close', 'shut'], 'call': ['call', 'phone'], 'buy': ['buy', 'purchase'], 'count': ['count'], 'download': ['download', 'load'], 'upload': ['upload'],
         'merge': ['merge', 'join'], 'pay': ['pay'], 'review': ['review'], 'approve': ['approve', 'accept'], 'reset': ['reset', 'restore'], 'schedule': ['schedule', 'plan'], 'record': ['record'], 'turn_on': ['turn on', 'switch on'], 'turn_off': ['turn off', 'switch off']}
HELD_OUT_VERBS = {'cancel': ['cancel'], 'share': ['share'], 'save': ['save', 'store'], 'rename': ['rename']}
NOUNS = ('news email message note task event file song alarm timer light stock order ticket flight hotel recipe user invoice photo contact reminder playlist document report price job room door lamp city map score game team product server log backup '
         'page book table car meeting project branch issue test key code window machine letter payment address picture game record group channel list item number trip train seat shop store bank box image movie plan level level').split()
HELD_OUT_NOUNS = 'account video taxi parcel poll garden camera loan chart robot'.split()
# (name, kind of value)
PARAMETERS = [('city', 'city'), ('location', 'city'), ('name', 'name'), ('query', 'text'), ('title', 'text'), ('text', 'text'), ('message', 'text'), ('to', 'name'), ('recipient', 'email'), ('date', 'date'), ('time', 'time'), ('count', 'int'), ('amount', 'num'), ('id', 'int'),
              ('user', 'name'), ('email', 'email'), ('color', 'word'), ('path', 'path'), ('limit', 'int'), ('code', 'code'), ('symbol', 'code'), ('topic', 'word'), ('category', 'word'), ('room', 'word'), ('level', 'int'), ('seconds', 'int')]
MORE_PARAMETERS = [('url', 'url'), ('subject', 'text'), ('content', 'text'), ('body', 'text'), ('description', 'text'), ('user_id', 'int'), ('order_id', 'code'), ('start_date', 'date'), ('end_date', 'date'), ('country', 'city'), ('destination', 'city'), ('price', 'num'),
                   ('max_price', 'num'), ('width', 'int'), ('height', 'int'), ('page', 'int'), ('weight', 'num'), ('verbose', 'bool'), ('enabled', 'bool'), ('force', 'bool'), ('recursive', 'bool'), ('public', 'bool'), ('tags', 'list'), ('items', 'list'), ('command', 'command'),
                   ('first_name', 'name'), ('last_name', 'Word'), ('phone', 'int'), ('language', 'word'), ('priority', 'enum'), ('status', 'enum'), ('type', 'enum'), ('number', 'int'), ('comment', 'text'), ('project', 'word'), ('note', 'text'), ('key', 'word'), ('value', 'word')]
HELD_OUT_PARAMETERS = [('town', 'city'), ('owner', 'name'), ('label', 'text'), ('day', 'date'), ('quantity', 'int'), ('model', 'code'), ('tag', 'word'), ('file_name', 'path')]
ENUMS = [['celsius', 'fahrenheit'], ['low', 'high'], ['on', 'off'], ['small', 'medium', 'large'], ['km', 'miles'], ['asc', 'desc'], ['low', 'medium', 'high'], ['open', 'closed'], ['json', 'text', 'csv'], ['day', 'week', 'month'], ['public', 'private'], ['fast', 'slow']]
MADE_UP_KINDS = ['name', 'word', 'text', 'int', 'city', 'code', 'path', 'enum']
ADJECTIVES = 'current new all latest daily my user full next local web shop old big open public team'.split()
HELD_OUT_ADJECTIVES = 'main public old extra'.split()
NATURAL = dict(city=['in {v}', 'for {v}', 'in {v}', 'at {v}'], location=['in {v}', 'at {v}', 'near {v}'], town=['in {v}'], to=['to {v}'], recipient=['to {v}'], date=['on {v}', 'for {v}'], day=['on {v}'], time=['at {v}'], title=['called {v}', 'titled {v}'],
               name=['called {v}', 'named {v}', 'for {v}'], text=['saying {v}', 'that says {v}'], message=['saying {v}'], query=['for {v}', 'about {v}'], topic=['about {v}'], destination=['to {v}'], subject=['about {v}'], country=['in {v}'], room=['in the {v}'], path=['at {v}', 'from {v}'], url=['from {v}'])
NAMED = ['with {k} {v}', '{k} {v}', 'with {k} {v}', '{k}: {v}', 'using {k} {v}', 'and {k} {v}', '{k} = {v}', 'where the {k} is {v}', '{k} of {v}', 'set {k} to {v}', 'and {k} as {v}', '{k} is {v}', '({k} {v})', 'having {k} {v}', 'by {k} {v}', 'its {k} is {v}', 'the {k} must be {v}', 'use {v} as {k}',
         '{k} equal to {v}', '{k}={v}', 'for {k} {v}', 'with the {k} {v}', 'with a {k} of {v}', 'whose {k} is {v}', 'the {k} is {v}', '{k} must be {v}', 'take {v} as the {k}', '{v} as {k}', 'with {v} as {k}', '{k} -> {v}', 'the {k} will be {v}', 'and the {k} is {v}', '{k} has to be {v}', 'let {k} be {v}', '{k} set to {v}',
         'on {k} {v}', 'in {k} {v}', 'at {k} {v}', 'to {k} {v}', 'and use {k} {v}', 'choose {k} {v}', 'make the {k} {v}', 'as {k} take {v}', 'given {k} {v}', '({k}: {v})', '({k} = {v})', 'that has {k} {v}', 'for the {k} {v}', 'the {k} equals {v}', 'its {k}: {v}', 'put {v} for {k}', '{k} "{v}"', '{k} \'{v}\'', 'with {k} "{v}"']
HELD_OUT_NAMED = ['{k} should be {v}', 'the {k} being {v}']
BARE = [' {v}', ' for {v}', ' about {v}', ' of {v}', ' in {v}', ' to {v}', ' {v}', ' with {v}', ' from {v}', ': {v}', ' at {v}', ' on {v}', ' "{v}"', ', {v}', ' as {v}', ' like {v}', ' named {v}', ' by {v}', ' called {v}']
ASKING = ['', '', '', '', 'please ', 'can you ', 'could you ', 'I want to ', "I'd like to ", 'now ', 'hey, ', 'I need you to ', 'let us ', 'try to ', 'will you ', 'ok, ', 'please ', 'I want you to ', 'you should ', 'I have to ', 'I need to ', 'can you please ', 'could you please ', 'it is time to ', 'next, ', 'then ', 'use the tool to ',
          'use a tool: ', 'quickly ', 'I ask you to ', 'would you mind to ', 'do ', 'just ', 'we must ', 'we need to ', 'may I ask you to ', 'I wish to ', 'first ', 'also ', 'hello, ', 'so, ', 'can I ', 'let me ', 'I plan to ', 'be so kind and ', 'it would be good to ', 'let me see you ', 'as a test, ', 'today ', 'here you must ']
HELD_OUT_ASKING = ['kindly ', 'go ahead and ', 'would you ', 'help me to ', 'I would like you to ']
# The held-out requests of the tools that the first data set had.
FIRST_HELD_OUT = {'get_weather': ['How hot is it in {city} right now?', 'Please check the weather in {city}.', "I'm going to {city}, what will the weather be?"], 'get_time': ['Do you know what time it is in {city}?', 'Current time for {city} please'],
                  'web_search': ['Please do a web search for {query}', 'Look on the internet for {query}'], 'calculator': ['Please calculate {expression} with the tool']}


class Tool:
    """schema: as declared; parameters: name -> kind; requests: (make a request) -> (text, arguments in the schema's order)"""

    def __init__(self, schema, parameters, enums, subject):
        self.schema, self.parameters, self.enums, self.subject = schema, parameters, enums, subject
        self.name = schema['name']

    def draw(self, name):
        kind = self.parameters[name]
        return choose(self.enums[name]) if name in self.enums else value(kind)


def spoken(v):
    """a value as a user writes it"""
    if isinstance(v, bool):
        return 'true' if v else 'false'
    if isinstance(v, list):
        return ', '.join(v) if chance() < .5 else ', '.join(v[:-1]) + ' and ' + v[-1]
    return str(v)


def describe_parameter(name, kind, enum, tool_words):
    example = choose(enum) if enum else spoken(value(kind))
    return choose([f'The {name}, e.g. {example}', f'{name.capitalize()}, for example {example}', text(2, 5).capitalize(), f'The {name} to use', f'Name of the {name}', f'The {name}', f'The {name} of the {tool_words}', f'{name} to use', f'{tool_words} {name}',
                   f'The {name.replace("_", " ")} ({example})', f'Required {name}', f'(optional) {name}', 'A value', f'{text(2, 8).capitalize()}.'])


def property_schema(name, kind, enum, tool_words):
    schema = {'type': TYPES.get(kind, 'string')}
    if kind == 'list':
        schema['items'] = {'type': 'string'}
    if enum:
        schema['enum'] = enum
    if chance() < .45:
        schema['description'] = describe_parameter(name, kind, enum, tool_words)
    if chance() < .04:
        schema.update(choose([{'default': None}, {'minLength': 1}, {'title': name.capitalize()}] + [{'minimum': 0}, {'minimum': 1, 'maximum': 1000}] * (kind in ('int', 'num'))))
    return dict(reversed(schema.items())) if chance() < .15 else schema


def wrap(name, description, properties, required):
    """the ways clients write a function down"""
    parameters = {'type': 'object', 'properties': properties}
    if required is not None:
        parameters['required'] = required
    if chance() < .25:
        parameters['additionalProperties'] = False
    if chance() < .04:
        parameters['$schema'] = 'http://json-schema.org/draft-07/schema#'
    if chance() < .06:
        parameters = dict(reversed(parameters.items()))
    schema = {'name': name}
    if description:
        schema['description'] = description
    if chance() < .1:
        schema['strict'] = chance() < .5
    schema['parameters'] = parameters
    if 'strict' not in schema and chance() < .12:
        schema['strict'] = chance() < .5
    return schema


def draw_parameter(split):
    """-> name, kind"""
    if chance() < .3:
        return word(), choose(MADE_UP_KINDS + ['bool', 'num', 'date', 'time', 'list'] * (split == 'train' and chance() < .4))
    if chance() < .1:
        return choose('unit mode size order format'.split()), 'enum'
    if split == 'test':
        return choose(HELD_OUT_PARAMETERS + PARAMETERS[:6])
    return choose(PARAMETERS) if chance() < .5 else choose(MORE_PARAMETERS) if chance() < .75 else (f'{any_word()}_{any_word()}' if chance() < .5 else keep_apart(words.real_word, [n for n, _ in HELD_OUT_PARAMETERS]), choose(['word', 'name', 'text', 'int', 'city']))


def camel(name):
    first, *rest = re.split('[_-]', name)
    return first + ''.join(w.capitalize() for w in rest)


def made_up_tool(split, used):
    """used: nouns and verbs of the tools beside it, so that a request fits only one"""
    train = split == 'train'
    verbs = VERBS if train else {**HELD_OUT_VERBS, **{k: VERBS[k] for k in ('get', 'create', 'send')}}
    while True:
        verb = choose(list(verbs)) if chance() < .8 else word() if not train or chance() < .5 else keep_apart(words.real_word, list(HELD_OUT_VERBS))
        noun = (choose(NOUNS if train else HELD_OUT_NOUNS) if chance() < .55 else word()) if not train or chance() < .85 else keep_apart(words.real_word, HELD_OUT_NOUNS)
        if noun not in used and verb not in used and noun != verb:
            break
    used.add(noun)
    if chance() < .15:
        noun = f'{choose(ADJECTIVES if train else HELD_OUT_ADJECTIVES)}_{noun}'
    if chance() < .15 and noun[-1] != 's':
        noun += 's'
    name = choose([f'{verb}_{noun}'] * 5 + [camel(f'{verb}_{noun}'), f'{noun}_{verb}', f'{verb}-{noun}', noun] + [f'{any_word()}_{verb}_{noun}', f'{any_word()}.{verb}_{noun}'] * (train and chance() < .2))
    parameters, enums = {}, {}
    for _ in range(choose([0, 1, 1, 1, 1, 2, 2, 2, 3])):
        key, kind = draw_parameter(split)
        parameters[key] = kind
    spoken_noun, spoken_verb = noun.replace('_', ' '), verb.replace('_', ' ')
    properties = {}
    for key, kind in parameters.items():
        if kind == 'enum':
            enums[key] = [any_word() for _ in range(between(2, 4))] if chance() < .6 else choose(ENUMS)
        properties[key] = property_schema(key, kind, enums.get(key), spoken_noun)
    up = spoken_verb.capitalize()
    description = choose([f'{up} {spoken_noun} for the {text(1, 2)}', f'{up} the {spoken_noun}. {text(2, 5).capitalize()}.', f'{up} the {spoken_noun} by {choose(list(parameters))}' if parameters else f'{up} {spoken_noun}', f'{up} the {spoken_noun}', f'{up} a {spoken_noun}', f'{up} {spoken_noun}',
                          f'Use this to {spoken_verb} a {spoken_noun}', f'{up}s the {spoken_noun}.', f'{up} {spoken_noun} data', f'{up} {spoken_noun}. {text(4, 12).capitalize()}.'])
    required = [k for k in parameters if chance() < .8] if parameters and chance() < .85 else None if chance() < .7 else []
    tool = Tool(wrap(name, description if chance() < .96 else None, properties, required), parameters, enums, spoken_noun)
    tool.says, tool.real, tool.verb = verbs.get(verb, [spoken_verb]), None, verb
    tool.required = required
    return tool


def free_name():
    kind = chance()
    if kind < .35:
        return words.real_word()
    if kind < .55:
        return word()
    join = '_' if chance() < .7 else ''
    second = choose([words.real_word, word, lambda: choose(PARAMETERS + MORE_PARAMETERS)[0]])()
    return choose([words.real_word, word])() + join + (second if join else second.capitalize())


def real_tool(split, used):
    row = choose(catalogue.HELD_OUT) if split == 'test' and chance() < .6 else choose(catalogue.TRAIN[:4]) if split == 'test' or chance() < .15 else choose(catalogue.TRAIN)
    name, description, parameters, requests = row
    if name in used:
        return None
    used.add(name)
    given, kinds, enums, slots = {}, {}, {}, {}
    for spec, kind in parameters.items():
        optional = spec.endswith('?')
        names = spec.rstrip('?').split('|')
        key = names[0] if chance() < .5 else choose(names)
        if split == 'train' and chance() < .25:      # names must be read in the schema, not guessed
            key = keep_apart(free_name, [n for n, _ in HELD_OUT_PARAMETERS])
        if key in kinds or (optional and chance() < .25):
            continue
        slots[names[0]] = key
        kinds[key] = 'word' if isinstance(kind, list) else kind
        if isinstance(kind, list):
            enums[key] = kind
        given[key] = optional
    properties = {k: property_schema(k, kinds[k], enums.get(k) if not enums.get(k) or chance() < .6 else None, name.replace('_', ' ')) for k in kinds}
    if split == 'train' and chance() < .1:      # a parameter nobody mentions
        extra, kind = draw_parameter(split)
        if extra not in kinds and kind != 'enum':
            properties[extra] = property_schema(extra, kind, None, name)
    shown = choose([name] * 6 + [camel(name), name.replace('_', '-'), name.replace('get_', ''), name.replace('get_', 'get_current_'), name.replace('get_', 'fetch_'), name.replace('_', '')] + [f'{any_word()}_{name}', f'{name}_{any_word()}', f'{any_word()}_{name.split("_")[-1]}', free_name()] * (split == 'train' and chance() < .2))
    required = [k for k, optional in given.items() if not optional] if chance() < .85 else None
    said = expand(description) + choose(['', '', '', '', '', ' now', '.', f'. {text(3, 10).capitalize()}.'])
    tool = Tool(wrap(shown, said if chance() < .96 else None, properties, required), kinds, enums, name)
    held_out = FIRST_HELD_OUT.get(name, []) + ['right now']
    if split == 'train':
        usable = [r for r in requests]
    else:
        usable = FIRST_HELD_OUT.get(name, requests)
    tool.real, tool.slots, tool.held_out, tool.verb, tool.says = usable, slots, held_out, name, []
    return tool


SUFFIXES = ['', '', '', '', '', '', '', '', ' please', ', please', ' now', ' today', ' for me', ' thanks', '. Thanks!', ' tomorrow', ' at once', ' as soon as you can', ' this time']


OPEN_ENDED = ('text', 'command', 'list', 'path')      # nothing may follow them: it could be a part of the value


def ask_real(tool, split):
    """-> (text, arguments)"""
    for _ in range(40):
        sentence = expand(choose(tool.real))
        named = re.findall(r'\{(\w+)\}', sentence)
        if any(n not in tool.slots for n in named):
            continue
        arguments, said = {}, sentence
        for n in named:
            v = tool.draw(tool.slots[n])
            arguments[tool.slots[n]] = v
            said = said.replace('{' + n + '}', spoken(v))
        if split == 'train':
            at_end = tool.parameters[tool.slots[named[-1]]] if named and sentence.endswith('{' + named[-1] + '}') else ''
            if at_end and at_end not in OPEN_ENDED:
                said += choose(SUFFIXES)
            if chance() < .12 and ':' not in sentence and sentence.split(' ')[0].lower() in ('run', 'search', 'send', 'set', 'show', 'find', 'book', 'create', 'add', 'open', 'play', 'get', 'convert', 'translate', 'read', 'write', 'delete', 'invite', 'remind', 'call'):
                said = upper_first(choose(ASKING) + said[0].lower() + said[1:])
            said = vary(said, at_end not in OPEN_ENDED)
            if held_out_pattern(tuple(tool.held_out)).search(said):
                continue
        return said, {k: arguments[k] for k in tool.schema['parameters']['properties'] if k in arguments}
    return None


GLUE = ('be', 'is', 'is to be', 'to be', 'shall be', 'can be', 'may be', 'could be', 'would be', 'might be', 'needs to be', 'has to be', 'is going to be', 'ought to be', 'becomes', 'remains', 'stays', 'goes to', 'like', 'via', 'through', 'under', 'upon', 'now', 'exactly', 'simply',
        'means', 'reads', 'says', 'gets', 'takes', 'changes to', 'turns into', 'is exactly', 'is now', 'is called', 'named', 'given as', 'defined as', 'chosen as', 'marked')


def loose():
    """a way to name a parameter and its value that need not make sense: the name, some words, the value"""
    words_between = choose(GLUE)
    if chance() < .4:
        words_between = choose([words.real_word(), word()]) + ' be'
    return choose(['', '', 'the ', 'the ', 'its ', 'with ', 'and ', 'a ', 'with the ', 'and the ', 'while the ', 'so that the ', 'for ']) + '{k} ' + words_between + ' {v}'


def ask_made_up(tool, split):
    train = split == 'train'
    deed = choose(tool.says)
    if train and chance() < .15:      # the noun decides, whatever the verb is
        deed = choose(choose(list(VERBS.values()))) if chance() < .7 else any_word()
    body = deed + ' ' + choose(['the ', 'a ', '', 'my ', 'the ', 'some ', 'this ']) + tool.subject if chance() < .93 else tool.name
    arguments, parts = {}, []
    required = tool.required
    keys = list(tool.parameters)
    for key in keys:
        if required is not None and key not in required and chance() < .5:
            continue
        v = tool.draw(key)
        arguments[key] = v
        said, shown = key.replace('_', ' ') if chance() < .9 else key, spoken(v)
        if len(keys) == 1 and chance() < .35 and tool.parameters[key] != 'bool':
            parts.append(choose(BARE if train else [' {v}', ' by {v}', ' for {v}']).replace('{v}', shown))
            continue
        if key in NATURAL and chance() < .6:
            said = choose(NATURAL[key]).replace('{v}', shown)
        else:
            named = loose() if train and chance() < .15 else choose(NAMED if train else NAMED[:19] if chance() < .5 else HELD_OUT_NAMED)
            said = named.replace('{k}', said).replace('{v}', shown)
        parts.append(choose([' ', ' ', ', ']) + said)
    if train and len(parts) > 1 and chance() < .35:
        parts.reverse() if chance() < .5 else words.random.shuffle(parts)
    if train and len(parts) > 1 and chance() < .3 and not re.match(r'^,? and ', parts[-1]):
        parts[-1] = ' and' + parts[-1].lstrip(',')
    body += ''.join(parts)
    question = body.startswith(('what is', 'I need'))
    before = '' if question else choose(ASKING if train else HELD_OUT_ASKING)
    sentence = before + body
    sentence = upper_first(sentence) if chance() < .8 else sentence
    if train and before == '' and not question and chance() < .12:      # an opening never seen before must not matter
        sentence = upper_first(any_word() + choose([' ', ', ', ' and ', ' to ']) + sentence[0].lower() + sentence[1:])
    end = choose(['.', '', '', '?' if question or 'you' in before else '.'])
    if train and end == '' and chance() < .2 and (not keys or tool.parameters[keys[-1]] not in OPEN_ENDED):
        end = choose(SUFFIXES)
    return sentence + end, arguments


def ask(tool, split):
    """a request for the tool -> (text, arguments in the schema's order)"""
    asked = ask_real(tool, split) if tool.real else None
    if asked or not tool.real:
        return asked or ask_made_up(tool, split)
    return f'Use {tool.name}', {}


def toolset(split, most=4):
    used, tools = set(), []
    for _ in range(choose([1, 1, 2, 2, 3, 4] + [5, 6] * (most > 4))):
        tool = real_tool(split, used) if chance() < (.5 if split == 'train' else .3) else made_up_tool(split, used)
        if tool and tool.name not in [t.name for t in tools]:
            tools.append(tool)
    return tools or toolset(split)


def tool_result():
    """-> (what the tool says, the answer to the user)"""
    kind = chance()
    if kind < .22:
        said = f'{choose(SKIES)}, {between(-9, 39)} C'
    elif kind < .5:
        said = choose([lambda: text(1, 5), words.clock, lambda: str(number()), words.code, lambda: f'{Word()} {number()}', lambda: 'ok', lambda: 'done', lambda: f'{any_word()} {word()}', lambda: text(4, 9).capitalize() + '.', words.path, words.date, lambda: f'{number()}.{between(0, 99)}'])()
    elif kind < .56:
        said = '\n'.join(choose([words.path, lambda: text(1, 4), word])() for _ in range(between(2, 4)))
    elif kind < .66:
        failure = text(1, 3)
        return f'error: {failure}', f'The tool failed: {failure}'
    elif kind < .7:
        said = json.dumps([any_word() if chance() < .7 else number() for _ in range(between(1, 4))])
    else:
        data = {choose(KEYS) if chance() < .5 else any_word() if chance() < .5 else word(): choose([number, word, Word, lambda: choose(SKIES), city, words.real_word])() for _ in range(between(1, 4))}
        said = dump(data) if chance() < .9 else json.dumps(data, ensure_ascii=False, separators=(',', ':'))
        return said, 'Here is the result:\n' + ', '.join(f'{k} {v}' for k, v in data.items())
    return said, 'Here is the result:\n' + said
