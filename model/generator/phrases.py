"""Phrasings: expansion of (a|b) alternatives, polite openings and endings, and the frames that ask for a thing.

Every intent has training phrasings and held-out phrasings ('test'); the latter never occur in training."""
import re
from functools import lru_cache

from .words import any_word, chance, choose, real_word

OPENINGS = ['Hey, {}', 'Ok, {}', 'So, {}', 'Please, {}', 'Hi! {}', 'Question: {}', 'I have a question. {}', 'Now {}', 'Next: {}', 'Hello. {}', 'One more thing: {}',
            'Alright, {}', 'Well, {}', 'Quick one: {}', 'Also, {}', 'My request: {}', 'Hello there, {}', 'Good morning. {}', 'Listen: {}', 'Right, {}', 'Just a test: {}',
            'User request: {}', 'Then {}', 'And now {}', 'Here is my question: {}', 'Hi, {}', 'Hello! {}', 'Excuse me, {}', 'Sorry, {}', 'Great. {}', 'Thanks! {}',
            'Thank you. {}', 'Dear assistant, {}', 'Hey bot, {}', 'Task: {}', 'Q: {}', 'First, {}', 'Again: {}', 'Let me ask: {}', 'Another one: {}']
ENDINGS = ['{} Thanks!', '{} Please.', '{} please', '{} Answer briefly.', '{} Thank you.', '{} Be quick.', '{} Keep it short.', '{} I need it today.', '{} Thanks in advance!',
           '{} It is important.', '{} I am curious.', '{} :)', '{}!', '{} ...', '{} Go!', '{} Just the answer.', '{} Be brief.', '{}\n', '{} Do not explain.']
QUESTIONS = ['Can you tell me: {}', 'Please answer: {}', 'I want to know: {}', 'Tell me, {}', 'Could you help me? {}', 'Do you know? {}', 'I was wondering, {}',
             'Help me: {}', 'Answer this: {}', 'Can you answer this? {}', 'Please answer this question: {}', 'I need to know: {}', 'Say, {}', 'I would ask you: {}']
# Ways to ask for a named thing ("the capital of Peru", "my name", "the third item of a, b, c").
ASK_FOR = ['What is {}?', "What's {}?", 'Tell me {}.', 'Tell me {}', 'Give me {}.', 'Say {}.', 'Name {}.', 'Please name {}.', 'Show me {}.', '{}?', '{}', '{} please', '{}, please.',
           'Do you know {}?', 'Do you remember {}?', 'I need {}.', 'I want {}.', 'I want to know {}.', "I'd like to know {}.", 'Find {}.', 'State {}.', 'Write {}.', 'Print {}.', 'Return {}.',
           'What was {}?', 'What would be {}?', 'Can you give me {}?', 'Could you give me {}?', 'Could you name {}?', 'Can you say {}?', 'Please tell me {}.', 'Please give me {}.', 'Let me know {}.',
           'I am looking for {}.', 'Which is {}?', 'Output {}.', 'Answer with {}.', 'Reply with {}.', 'May I have {}?', 'Could you tell me {}?', 'Can you tell me {}?',
           'I wonder what {} is.', 'Do you happen to know {}?', 'Any idea what {} is?', 'Could you tell me what {} is?', 'I ask for {}.', 'Get {}.', 'Please show {}.',
           'What do you think {} is?', 'Let me hear {}.', 'Please provide {}.', 'I have to know {}.', 'Look for {}.', 'Which one is {}?']
POLITE = ['', '', '', '', 'please ', 'can you ', 'could you ', 'will you ', 'can you please ', 'could you please ', 'I want you to ', 'I need you to ', 'now ', 'just ', 'I ask you to ', 'try to ',
          'you should ', "I'd like you to ", 'you must ', 'let me see you ', 'would you mind to ', 'do ', 'your task is to ', 'your job: ', 'quickly ', 'simply ', 'next, ', 'then ']
HELD_OUT_ASK_FOR = ['I am curious about {}.', 'Remind me: {}?', 'Would you tell me {}?', 'Do me a favour and name {}.']


def expand(template):
    """fills every (a|b|c) with one of its alternatives"""
    while '(' in template and '|' in template:
        shorter = re.sub(r'\(([^()]*\|[^()]*)\)', lambda m: choose(m[1].split('|')), template, count=1)
        if shorter == template:
            return shorter
        template = shorter
    return template


def lower_first(sentence):
    return sentence[0].lower() + sentence[1:] if len(sentence) > 1 and sentence[1].islower() else sentence


def upper_first(sentence):
    return sentence[:1].upper() + sentence[1:]


def put(template, filling):
    return template.replace('{}', filling)


def vary(sentence, is_question=False):
    """openings, endings, case and final mark, as people type; training only"""
    if is_question and chance() < .1:
        sentence = put(choose(QUESTIONS), sentence if chance() < .5 else lower_first(sentence))
    if is_question and chance() < .08:
        sentence = put(choose(ENDINGS), sentence)
    if chance() < .15:
        sentence = lower_first(sentence)
    if chance() < .12 and sentence[-1] in '.?!':
        sentence = sentence[:-1]
    if chance() < .12:
        sentence = put(choose(OPENINGS), sentence if chance() < .4 else lower_first(sentence))
    if chance() < .07:      # an opening never seen before must not matter
        noise = any_word() if chance() < .6 else f'{real_word()} {any_word()}'
        sentence = (noise if chance() < .5 else noise.capitalize()) + choose([', ', ' ', ' ', ': ', '! ', '. ']) + lower_first(sentence)
    return sentence


@lru_cache(None)
def held_out_pattern(sentences):
    """matches any of the held-out sentences, whatever fills their slots"""
    slots_open = [re.sub(r'\\\{\w*\\\}', '.+', re.escape(s.rstrip('.!?'))) for s in sentences]
    return re.compile('|'.join(slots_open) or '(?!)', re.IGNORECASE)


def keep_apart(make, held_out):
    """a sentence of make() that no held-out phrasing matches"""
    while True:
        sentence = make()
        if not held_out_pattern(tuple(held_out)).search(sentence):
            return sentence


def phrase(options, split, is_question=False):
    """options: (training phrasings, held-out phrasings)"""
    if split == 'test':
        return expand(choose(options[1]))
    return keep_apart(lambda: vary(expand(choose(options[0])), is_question), options[1])


def ask_for(things, options, split, own=.5):
    """asks for a thing: by an intent's own phrasings, or a general frame around one of its noun phrases"""
    if split == 'test':
        return put(choose(HELD_OUT_ASK_FOR), expand(choose(things))) if chance() < .25 else phrase(options, split)
    if chance() < own:
        return phrase(options, split, True)
    return keep_apart(lambda: vary(upper_first(put(choose(ASK_FOR), expand(choose(things)))), True), options[1])


def imperative(deeds, options, split, own=.6):
    """asks for a deed: "say {}" and the like, with a polite opening"""
    if split == 'test' or chance() < own:
        return phrase(options, split)
    return keep_apart(lambda: vary(upper_first(choose(POLITE) + expand(choose(deeds)))), options[1])
