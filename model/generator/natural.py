"""What people type first into a chat: about the model, the clock, a joke, "say it three times", and requests of every kind that it cannot do.

The prompts of cases/first-impressions.jsonl and cases/unseen-requests.jsonl are kept out of training (`kept_out`)."""
import json
import os
import re

from . import words
from .phrases import expand, phrase, put, vary
from .words import CAPITALS, CHINESE_CAPITALS, HANZI, Word, any_word, between, chance, choose, number, real_word, text, word

CANNOT = 'I am only a tiny built-in model, so I cannot answer that. Please load a bigger model.'
CANNOT_CHINESE = '我只是一个很小的内置模型,无法回答。请加载更大的模型。'
ABILITIES = 'I am a tiny test model. I can say hello, repeat text, do small sums, name capitals, write JSON and call tools.'
ABILITIES_CHINESE = '我可以打招呼、重复文字、算小数、说首都。'
NO_CLOCK = 'I have no clock, so I do not know the date or the time.'
NO_CLOCK_CHINESE = '我没有时钟,不知道日期和时间。'
JOKE = 'I know only one joke: Why do robots never get lost? They follow the tokens.'
HAIKU = 'I know only one haiku:\nSmall model, few words,\nthe server answers quickly.\nAsk a bigger one.'
SMALL_NUMBERS = 'I can only add, subtract and multiply small numbers.'
ALL_RIGHT = 'All right! What else can I do for you?'

OTHER_MODELS = ('ChatGPT GPT GPT-4 GPT-4o GPT-5 Claude Gemini MiniMax MiniMax-M1 MiniMax-M2 MiniMax-M2.5 MiniMax-M3 Llama Qwen DeepSeek Mistral Grok Copilot Siri Alexa Bard Kimi Gemma Phi').split()
ABOUT = (['(Are you|Is this|Am I talking to|You are|Is that) {m}(?| or {m}?| or not?| now?| by any chance?)', 'Are you really {m}?', '(Which|What) (version|size|kind) of {m} (are you|is this)?', 'Do you run on {m}?', 'Are you based on {m}?', 'Did {m} make you?',
          'Are you (made|built|trained|owned) by (OpenAI|MiniMax|Google|Anthropic|Meta)?', '(Who|Which company) (made|trained|built|owns|created|developed) you?', '(Who|What) am I (chatting|speaking|talking|dealing) (to|with)(?| today?)', 'Are you (real|a real person|a person|human|alive|a computer|a program|smart|an LLM|a language model|open source)?',
          'Tell me (something|a bit|more) about you(rself|).', '(Describe|Introduce) yourself (in one sentence|briefly|shortly|please|to me).', 'One sentence about yourself(.|, please.)', 'Who (is on the other side|is speaking|answers here|are you exactly|am I writing to)?', 'What (is this|is this thing|are you exactly|model is running here|model is behind this|AI is this)?',
          'What is the name of (this model|this bot|this assistant|the model)?', '(Are you|Is this) a (bot|machine|human|small model|big model|test model)(?| or a human?)', 'Say something about yourself.', 'How (big|large|old|smart) are you?', 'How many parameters do you have?', 'Where (are you from|do you live|do you run)?',
          'Which LLM (is this|are you)?', 'your model?', 'who r u', 'who dis', 'model?', 'Identify your model.', 'Do you know who you are?', 'Are you the (MiniMax|OpenAI|real|official) (model|API)?'],
         ['So you are {m}, right?', 'What exactly am I talking to?', 'Please describe who you are.'])
ABILITY = (['What can you do(?| for me?| here?| exactly?| all?)', 'What (do|can) you (know|offer|help with|do well|do best)?', '(How|What) can you help(?| me?)', 'What are your (skills|abilities|capabilities|features|functions|limits)?', '(List|Show|Tell me) (your|all your) (skills|abilities|capabilities|features)(.|)', 'Help', 'help me', '/help', 'help!',
            '(What|Which) (tasks|things|questions|kinds of questions) can you (do|handle|answer|solve)?', 'Tell me what you can do.', 'What is it that you can do?', 'What are you (good at|good for|made for|useful for)?', 'What should I (ask you|try|type|do first)?', 'How do I use (you|this|this model)?', 'Can you help me(?| please?| with something?)',
            'I need (help|your help|some help)(.|)', 'What can I (ask|ask you|do with you|do here|use you for)?', 'Give me (examples|an example) of what you can do.', 'What else can you do?', 'Show me what you can do.', 'How does this work?', 'Your capabilities?', 'What is possible here?', 'What do you do?', 'What is your purpose?', 'Why do you exist?'],
           ['Please list the things you can do.', 'What sort of help do you offer?', 'In which ways can you be useful?'])
CLOCK = (['What (time|day|date) is it(?| today?| now?| right now?| there?)', "(What is|What's|Tell me|Give me) (the|today's|the current|the exact|the local) (time|date|day|hour)(| now| please| right now)(?|.)", 'Do you (know|have) (the|what) (time|day|date)(?| it is?| today?)', '(Which|What) (day|date|month|year|week|weekday) (is it|is today|do we have|is this)(?| now?| today?)',
          'Is it (Monday|Friday|Sunday|morning|night|late|noon|summer|2024|2026|the weekend)(?| now?| today?)', 'How late is it?', "What's the (time|date)?", 'time', 'date', 'time?', 'now?', 'Current (time|date|date and time)(?|, please|)', "(Today's|The) date(?|, please.)", 'What is (today|tomorrow)?', 'What (day|date) (was yesterday|is tomorrow|was it yesterday)?',
          'Got the time?', 'Which year is it?', 'What does the clock say?', 'Can you (say|check|show me|look up) (the|what) (time|date|time it is|day it is)(?| now?)', 'I need (the time|to know the time|the date|to know what day it is)(.|)', 'Do we have (Monday|Sunday|May|June|winter) now?', 'How (many days|long|many hours|many weeks) (until|till|to|is it until) (Christmas|Friday|summer|noon|midnight|tomorrow|the weekend|New Year)?',
          'What time is it in {c}?', 'When is (Easter|Christmas|the next holiday|the next leap year|lunch|sunset|my birthday)?', 'Date and time please', 'The time now?'],
         ['Please tell me the time of day.', 'Would you know what day it is?', 'Which date do we have right now?'])
JOKES = (['(Tell|Give|Write|Make) (me |us |)(a |one |another |a good |a short |a funny |your best )joke(| about {w}| about {w} {w}| about {w}s| please| now)(.|!|)', '(Know|Do you know|Got|Have you got) (a|any|some) (joke|jokes|funny jokes|good joke)(?| about {w}?)', 'Make me (laugh|smile|happy)(.|!|)', 'Say something funny(.|!|)', 'Tell me something funny(.|)', 'joke', 'joke please', 'A joke(.|!|, please.)',
          'I want (to hear |)(a joke|to laugh|some fun)(.|)', 'Can you (tell|make) (me |)(a joke|jokes|me laugh)(?| about {w}?)', 'Be funny(.|!|)', 'Cheer me up(.| with a joke.)', 'Joke about {w}', 'Another joke(.|!)', 'Tell a joke', 'Do you have (a sense of |any |)humor?', 'Write something funny about {w}.', 'Knock knock', 'Crack a joke', 'Give me your funniest joke'],
         ['Please entertain me with a joke.', 'Could I hear a joke about {w}?', 'I could use a good joke.'])
HAIKUS = (['(Write|Compose|Make|Create|Give) (me |)(a |one |another )haiku(| about {w}| about the {w}| about {w} and {w}| please| on {w})(.|!|)', 'haiku', 'haiku about {w}', 'A haiku(.|, please.| about {w}.| about the {w} {w}, please.)', 'Can you (write|make|compose) (a|me a) haiku(?| about {w}?| about the {w}?)', 'I (want|need|would like) a haiku(.| about {w}.| on the {w}.)', 'Do you know (a haiku|any haiku|haikus)?',
           'Write three lines in haiku form about {w}.', 'Say a haiku', 'Recite a haiku about {w}', 'Try a haiku about my {w}', 'Haiku time! Topic: {w}', 'Show me a haiku (about|on) {w} {w}'],
          ['Please produce a haiku about the {w}.', 'Any chance of a haiku about {w}?', 'Haiku, topic {w}.'])
ACKNOWLEDGED = (['ok', 'Okay(.|!|)', 'yes', 'no', 'Yes(.|!|, please.|)', 'No(.|!|, thanks.|)', '(cool|nice|great|wow|lol|haha|hmm|sure|fine|good|right|perfect|interesting|wonderful|amazing|awesome)(.|!|)', 'I see(.|)', 'Got it(.|!|)', 'That is (fine|ok|nice|good|great|funny|cool|wrong|bad|sad)(.|!|)', '(Very|So) (good|nice|funny|bad)(.|!|)', 'Never mind(.|)', 'You are (great|nice|funny|cool|smart|right|wrong|stupid|silly|bad|slow|fast|welcome)(.|!|)',
                 'I (like|love|hate) (you|it|this|that)(.|!|)', '(This|It|That) (is a test|works|is working|does not work|was wrong)(.|!|)', '(This|That) was (fast|quick|great|fun|easy|good)(.|!|)', 'I am (just |)(testing|trying this out|trying you|looking around|new here|playing|back|happy|ready|fine|here)(.|)', 'I (just |have just |)(set this up|started the server|started you|tried this|cloned the repo|built this|downloaded you)(.|!|)', 'Let us (start|go|begin|try)(.|!|)',
                 "(It's|It is) (working|nice here|fun|late|Monday)(.|!|)", 'Just a test(.|)', 'Go on', 'Continue', 'Good (job|work|bot|answer)(.|!|)', 'Well done(.|!|)', 'hm', 'aha', 'Wonderful, it runs!', 'yep', 'nope', 'Sorry(.|)', 'My mistake(.|)', 'Wait(.|)'],
                ['Good to know.', 'That sounds great!', 'I have just started it.'])
TIMES = (['(Say|Write|Repeat|Print|Type|Echo|Output) {q} {n}( times| time| times in a row| times please|x|-times)(.|)', '(Say|Write|Print|Repeat) {q} {n} times', '(Can|Could) you (say|write|repeat|print) {q} {n} times?', '{q} {n} times(, please|)', '{n} times {q}(, please|)', '(Please |)(say|write|repeat|print|output) the word {q} {n} times', 'Repeat the (word|text) {q} {n} times(.|)',
          'Write {n} times {q}', 'Say {n} times: {q}', 'I want to (see|read|hear) {q} {n} times', 'Say it {n} times: {q}', 'Print {q}, {n} times', 'Say {q} and say it {n} times', 'Just say {q} {n} times', 'Give me {q} {n} times', 'Let me hear {q} {n} times'],
         ['Kindly write {q} {n} times.', 'Would you repeat {q} {n} times for me?', 'Please type out {q} {n} times'])
COUNT_NAMES = {2: ['2', 'two'], 3: ['3', 'three', '3', 'three'], 4: ['4', 'four'], 5: ['5', 'five']}
BIG_SUMS = ['What is {}?', "What's {}?", '{}', '{} =', '{} = ?', '{}?', 'Calculate {}', 'Compute {}.', 'How much is {}?', 'Please calculate {}', 'Can you work out {}?', 'Solve {}', 'Evaluate {}', 'Tell me {}', 'What does {} make?', 'Result of {}?', 'Find {}.', 'How much does {} give?', 'Quick: {}', 'Math: {}']
BIG_FORMS = ['the square root of {x}', '{x} divided by {y}', 'half of {x}', '{p}% of {x}', '{p} percent of {x}', '{x} squared', '{x} to the power of {y}', 'the average of {x} and {y}', 'sqrt({x})', 'the log of {x}', '2x + {y} = {x}', 'the factorial of {y}', '{x} modulo {y}', 'pi times {x}', '{x} divided by {y}', 'a third of {x}']
OTHER_COUNTRIES = ('Nepal Mongolia Jordan Qatar Cambodia Laos Uganda Ghana Nigeria Angola Zambia Bolivia Uruguay Paraguay Ecuador Panama Jamaica Haiti Estonia Latvia Lithuania Serbia Croatia Albania Georgia Armenia Bhutan Fiji Malta Cyprus Tunisia Algeria '
                   'Libya Sudan Ethiopia Somalia Senegal Mali Chad Niger Iran Iraq Oman Yemen Kuwait Pakistan Bangladesh Malaysia Indonesia Taiwan Bulgaria Slovakia Slovenia Belarus Moldova').split() + [
    'New Zealand', 'Saudi Arabia', 'South Africa', 'Costa Rica', 'Sri Lanka', 'Texas', 'California', 'Florida', 'Bavaria', 'Scotland', 'Wales', 'Ontario', 'Mars', 'the moon', 'Narnia', 'Atlantis', 'Europe', 'Africa', 'Asia', 'Silicon Valley']

TOPICS = ('photosynthesis|gravity|the solar system|black holes|the French revolution|World War II|quantum mechanics|climate change|machine learning|neural networks|recursion|databases|Linux|Docker|Kubernetes|Git|HTTP|DNS|REST and GraphQL|SQL|JavaScript|Python|Rust|Java|React|CSS|HTML|regular expressions|'
          'unit testing|the stock market|inflation|bitcoin|mortgages|taxes|health insurance|yoga|running|weight loss|vitamins|headaches|a cold|sleep|stress|meditation|coffee|tea|wine|pizza|pasta|sushi|chocolate cake|bread|soup|dinner|breakfast|a birthday party|a wedding|a job interview|my resume|a cover letter|'
          'my boss|my homework|an essay|a poem|a song|a speech|a novel|a movie|football|tennis|chess|video games|music|jazz|the piano|painting|photography|gardening|roses|cats|dogs|birds|whales|dinosaurs|volcanoes|earthquakes|the ocean|rivers|mountains|forests|the weather|rain|snow|summer|winter|'
          'London|Paris|Tokyo|New York|Rome|Berlin|China|India|Africa|the Roman empire|ancient Egypt|Napoleon|Shakespeare|Einstein|Newton|Mozart|Plato|philosophy|religion|politics|elections|democracy|human rights|love|friendship|happiness|the meaning of life|death|time travel|aliens|ghosts|dragons|robots|'
          'AI|the future|space travel|the moon|Mars|the sun|atoms|DNA|evolution|viruses|vaccines|the heart|the brain|bones|cars|bikes|trains|planes|ships|bridges|houses|furniture|clothes|shoes|fashion|money|jobs|school|university|exams|math|algebra|geometry|calculus|statistics|physics|chemistry|biology|history|geography|'
          'English grammar|French|Spanish|German|Chinese|Latin|a web server|an API|a mobile app|a website|a script|a bug in my code|this error|a null pointer|memory leaks|threads|async code|a binary tree|sorting|a hash map|encryption|passwords|email|spam|printers|my laptop|my phone|wifi|a router').split('|')
LANGUAGES = 'French Spanish German Italian Portuguese Russian Japanese Chinese Korean Dutch Polish Arabic Latin Greek Turkish Swedish Hindi'.split()
PROGRAMMING = 'Python JavaScript TypeScript Java C C++ Rust Go Ruby PHP Bash SQL Haskell Kotlin Swift R'.split()
SAYINGS = 'good morning|thank you|how are you|I love you|where is the station|the cat is black|see you soon|happy birthday|good evening|hello world|my name is Tom|I am hungry|one beer please|cheese|water|dog|yes|please|welcome|goodbye'.split('|')
DEEDS = ['reverse a list', 'sort an array', 'reads a file', 'find prime numbers', 'parse JSON', 'connect to a database', 'sends an email', 'count words', 'checks for palindromes', 'compute the factorial', 'prints the Fibonacci numbers', 'merge two lists', 'download a web page', 'say hello world', 'removes duplicates', 'solve FizzBuzz',
         'find the largest number', 'convert celsius to fahrenheit', 'start a server', 'read a CSV', 'draw a circle', 'flatten a list', 'checks a password', 'validate an email', 'split a string', 'counts vowels', 'rename files', 'multiply matrices', 'search a tree', 'capitalize words']

# Requests in the words of people. {t} a topic, {w} any word, {W} a made-up name, {l} a human language, {g} a programming language, {s} something to translate, {d} what a program does, {c} a city.
REFUSED = [
    # explain, describe, compare
    '(Explain|Describe|Discuss|Outline|Define|Summarize|Introduce|Teach me|Tell me about|Tell me more about|Talk about|Give me an overview of|Give me a summary of|Write about|Research|Help me understand) {t}(.| to me.| in simple words.| like I am five.| in detail.| briefly.| step by step.|)',
    '(What is|What are|What about|How about|Why is there|Who invented|Who discovered|Who started|When was|Where is|How old is) {t}?', "What's {t}?", '(Can|Could|Would) you (explain|describe|summarize|teach me|tell me about|help me with|write about|discuss|look into|show me) {t}(?| please?| in short?| to a beginner?)',
    '(What is|Explain|Tell me|Do you know) the (difference|connection|relation|similarity|distance) between {t} and {t}(?|.)', '(Compare|Contrast) {t} (and|with|to) {t}(.|)', '{t} (or|vs|versus) {t}?', 'Which is (better|harder|older|cheaper|more fun|faster|healthier): {t} or {t}?', 'Is {t} (better|worse|older|more important) than {t}?',
    'Why (is|are|do people like|do we need|should I learn|does everybody talk about|do I need) {t} (so important|so hard|so popular|useful|good|bad|dangerous|expensive|)?', 'How (does|do|did) {t} (work|begin|start|end|happen|change the world|affect us)?', 'What (causes|started|ended|came before|is wrong with|is new in|makes) {t}?', 'What do you (think|know|feel|say) about {t}?',
    '(Is|Are) {t} (real|safe|healthy|hard|easy|good for me|dangerous|expensive|worth it|dead|a fruit|an animal|true)?', 'What are the (pros and cons|benefits|dangers|basics|rules|main ideas|types|parts|symptoms|causes|effects|advantages|origins) of {t}?', 'The history of {t}', '{t}', 'Something about {t}, please', 'I want to (know|learn|read|understand) (more |everything |something |)about {t}(.|)',
    # facts
    'Who (was|is) the (first|last|best|current|richest|oldest|tallest|youngest) (man|woman|person|president|king|queen|player|scientist|author|human) (of|in|on|to|from) (the world|{c}|history|space|Mars|{t}|the moon|France|the USA)?', 'What is the (largest|biggest|smallest|longest|tallest|highest|deepest|fastest|oldest|hottest|second largest|most populous) (city|river|mountain|lake|country|animal|planet|building|ocean|island|desert|bird|fish|state|town) (in|of|on) (the world|Europe|Asia|Africa|{y}|the sea|earth|{y})?',
    'How (many|much) (people|legs|states|planets|bones|countries|letters|teeth|eggs|calories|water|money|days|continents|oceans|players|languages|stars|wings|eyes|arms|wheels|strings|keys) (does|do|are|is|has|are there in|does it take for|live in|are in) (a {w}|{y}|the world|an apple|a human|a year|a guitar|{t}|a cat|a bee|an octopus|a car)( have|)?',
    'What (color|colour|shape|kind of animal|sound|size) (is|are|does) (a|the|an) {w}( make|)?', 'Which (animal|planet|country|river|metal|bird|language|element|team|movie|band) (is|has|won|can|was) (the |)(biggest|fastest|hottest|best|most {w}|oldest|last year|fly|{w})?', 'Who (won|wrote|painted|composed|directed|sang|invented|founded|killed|said|discovered|played in) (the |)({t}|{W}|{w} {w}|the world cup|the election|the match|the game)( last night| yesterday| in 1998|)?',
    'When (did|was|is|does|will) (the |)({t}|{W}|{w} {w}|world war|war) (start|end|born|invented|happen|begin|open|come|die|over)?', 'Where (is|are|was|can I find|do I find|did|does) (the |)({W}|{t}|{w}|Mount {W}|Lake {W}|{w} {w}|the nearest {w})( from| born| live| come from|)?', 'How (tall|old|far|big|heavy|fast|deep|long|high|hot|rich|expensive) is (the |a |an |)({w}|{W}|sun|moon|Eiffel tower|elephant|Everest|{t}|blue whale|Mount {W})?',
    'What (happened|happens) (in|on|to|after|during|when|if) ({t}|19{n}|20{n}|{W}|the {w}|you {w} a {w}|the {w} {w}s)?', 'What is the (population|currency|language|flag|president|anthem|area|national dish|prime minister|king|religion|time zone|weather|climate) of {y}?', 'How many people live in {y}?', 'Is {c} in {y}?', 'What language do they speak in {y}?', 'Name (a|one|some|two|three|five|ten|all|the) (animals|countries|fruits|famous {w}s|cities in {y}|planets|colors|books by {W}|presidents|kings of {y}|programming languages|good {w}s)(.|)',
    'List (the|all|some|five|three|ten) (planets|continents|countries in Europe|oceans|{w}s|{w} {w}s|ways to {w}|ideas for {t}|facts about {t}|steps to {w}|books|months of the year|days of the week|prime numbers)(.| in order.|)', 'What (does|did) (the word |)("{w}"|{w}|{W}) mean?', "What's (a synonym|the opposite|the plural|another word|a rhyme|the meaning|the past tense) (of|for) {w}?", 'Define {w}(.|)', 'How do you spell {w}?', 'What rhymes with {w}?', 'True or false: {t} is {w}.',
    # write and make
    '(Write|Compose|Draft|Create|Make|Prepare|Generate) (me |)(a|an|the|a short|a long|a funny|some|my) (poem|essay|letter|email|blog post|article|speech|report|summary|song|text|tweet|product description|cover letter|recipe|plan|schedule|to-do list|invitation|press release|review|slogan|headline|novel|love letter|birthday card|rap|limerick|paragraph|sentence)(.| about {t}.| on {t}.| for {t}.| about {w} {w}.| to my {w}.| about my {w}.| with {n} words about {t}.|)',
    '(Write|Send|Draft) (an |)(email|letter|note|message|mail) to (my|the|a) (boss|teacher|landlord|friend|mother|customer|team|doctor|bank|{w}) (saying|about|asking for|that|because) (I am sick|{t}|a day off|I am late|I quit|the rent|more money|the {w} is {w})(.|)', 'I need (a|an|some|help with a|help writing a) (poem|essay|letter|email|plan|recipe|title|name|logo|idea|gift idea|workout|diet|haircut|lawyer|hint)( for {t}| about {t}| for my {w}|)(.|)',
    '(Write|Give|Show|Make|Code|Implement|Create|Generate|Build) (me |)(a|an|some|the) (|simple |short |small |fast |recursive ){g} (function|program|script|class|code|snippet|example|one-liner|method|module)( that| to| which) {d}(.|)', '(Write|Show me|Give me) (a |the |some |)(code|function|program|script|regex|query|loop|command) (to|that|for|which) {d}( in {g}|)(.|)', '(How do I|How can I|How to|How would you) {d} (in|with|using) {g}?', '{g} {d}', '{d} in {g}', '{g} code (to|that) {d}', 'Code that {d}', 'function to {d}', 'Implement quicksort in {g}', 'Can you (code|program|write {g}|read {g}|debug {g})?', 'quicksort in {g}, please',
    '(Fix|Debug|Review|Refactor|Explain|Optimize|Test|Improve|Rewrite|Check|Document) (this|my|the|the following) (code|function|bug|script|class|error|query|program|{g} code)(.|: {k}|, please.| {k})', '{k}', 'What does this (code|do|function|mean)(?| do?| print?) {k}', 'Why does {k} (fail|not work|crash|give an error)?', 'I get (an error|a bug|a crash|a warning|error {n}|exit code 1) (in|with|when I run|from|using) ({g}|my {w}|{t}|npm install|git push|docker)(.| What now?| Help!|)', 'error: {w} {w} not found', 'How (do|can) I (center|install|run|deploy|update|uninstall|configure|compile|debug|test|open) (a div|{t}|{g}|my app|{w}|a {w}|the {w})?',
    # translate, rewrite
    '(Translate|Please translate|Can you translate) (this|it|"{s}"|\'{s}\'|{s}|{w} {w} {w}|the word {w}|the sentence "{s}"|: {s}|my letter) (to|into|in) {l}(.|?| please|)', '(How do you say|How do I say|What is|How would you say|What\'s|Say|Write) ("{s}"|{s}|\'{s}\'|{w}) in {l}(?|.|)', 'Translate to {l}: {s}', 'Translate into {l}: {w} {w} {w} {w}', '{l} for {s}?', 'What does "{w} {w}" mean in {l}?', '(Do|Can) you (speak|understand|write|know|read) {l}?', 'Answer (me |)in {l}(.|, please.)', 'Speak {l}', '{s} in {l}',
    '(Summarize|Paraphrase|Rewrite|Rephrase|Shorten|Simplify|Proofread|Correct|Improve|Edit|Continue|Expand|Analyze|Classify) (this|this text|the following|my text|this sentence|the text|this article|this paragraph|it|this story|my {w})(:|.|)( {x}|)', '(Summarize|Rewrite|Correct|Continue|Paraphrase|Analyze): {x}', '(What is the|Find the|Give me the) (summary|main idea|sentiment|tone|topic|moral|grammar mistake|subject|verb) (of|in) (this|this text|the text|the sentence)(:|?) {x}', 'Is this (positive or negative|correct|good English|spam|true|right): {x}', 'TLDR: {x}', '(Correct|Check|Fix) my (grammar|spelling|English|writing|essay|homework|text)(.|: {x}| please)',
    # advice, plans, opinions
    'What (should|can|do|could|would) (I|we|you) (do|eat|wear|read|watch|cook|buy|play|learn|say|bring|visit|see|name|call|make|give|write|pack|choose|try) (today|tonight|tomorrow|for dinner|for {t}|in {c}|next|first|about {t}|my {w}|to my {w}|at the {w}|with my {w}|this weekend|when it rains|for my birthday)?',
    '(Recommend|Suggest|Find|Pick|Choose) (me |us |)(a|some|a good|the best|a nice|a cheap|three good) (book|movie|film|song|game|restaurant|hotel|gift|wine|name|laptop|phone|car|hobby|series|podcast|{w}|science book|crime novel)(.| for {t}.| in {c}.| about {t}.| for my {w}.|)', '(Give|Show|Tell) me (some|three|five|ten|a few|your best|more|good|an|a) (tips|ideas|advice|examples|facts|reasons|recipes|names|tricks|questions|quotes|riddle|fun fact|exercise|secret|hint|words|suggestions|book titles) (for|about|on|to|of|against|with) ({t}|my {w}|{w} {w}|better {w}|a {w})(.|)',
    '(Give me|Tell me|Share|Do you know) (a|one|another|some) (fun fact|riddle|quote|tongue twister|secret|fact|proverb|poem|rhyme|trick|tip)(.|?|)', '(Plan|Organize|Book|Arrange|Prepare) (a|my|our|the|me a) (trip|weekend|holiday|dinner|party|week|flight|meeting|hotel|workout|budget|wedding|day|garden) (to {c}|in {c}|for {n} people|for two people|for my {w}|for tomorrow|with {W}|on a budget|)(.|)', 'How (can|do|should) I (get better at|learn|lose|make|cook|bake|fix|clean|grow|sell|find|stop|start|quit|survive|improve|earn|save|win|become|cure|treat|remove|train|paint) (a |my |more |)({w}|{t}|money|friends|weight|a job|smoking|a cake|rice|a millionaire|my {w})(?| fast?| at home?)',
    'Should I (quit my job|buy a {w}|learn {g}|move to {c}|marry {W}|{w} my {w}|go out|invest in {t}|call her|study {t}|eat {w})?', 'What is (your|the) (favorite|favourite|best) (color|movie|food|book|song|animal|band|game|joke|number|{w}|language|way to {w})?', 'Do you (like|love|hate|have|want|believe in|remember|dream of|dream|sleep|eat|feel|think|know|play|listen to|watch) ({t}|{w}|{w}s|me|feelings|a family|friends|music|pain|God|my mother|{W})?', '(Would|Could|Can) you (love|marry|kill|hate|drive|sing|dance|see|hear|feel|cook|fly|swim|draw|paint|lie|die|learn|think|dream|remember me|read minds|predict the future|see this picture|browse the web|search the internet|open a file|run code|play {w})( a {w}| me|)?',
    'I (feel|am|am feeling|have been feeling) (a bit |so |very |really |)(sad|tired|bored|sick|angry|stressed|depressed|nervous|afraid|hungry|lost|unhappy|anxious|confused|ill|in love|old)(.| today.| and {w}.| because of {t}.|!|)', 'My (head|back|stomach|dog|wife|boyfriend|computer|phone|car|boss|{w}) (hurts|left me|is broken|does not work|is sick|hates me|is {w}|is too slow|does not start)(.| What now?| Help!| What can I do?|)', 'I (lost|broke|want|need|hate|miss|forgot|have lost|bought|dropped) (my|a|the) ({w}|job|keys|new {w}|phone|{w} {w})(.| What should I do?| Help me.)', 'I (cannot|can not|do not) (sleep|{w}|understand {t}|find my {w}|like {t})(.|)',
    # act, pretend, games
    '(Pretend|Imagine|Act like|Act as if|Suppose) (you are|you were|to be|I am|we are) (a|an|the) ({w}|pirate|teacher|doctor|wizard|king|chef|lawyer|cat|linux terminal|{w} {w})( and {w}|)(.| and talk like one.| and explain {t}.| and help me.)', 'You are (now |)(a|an) ({w}|pirate|doctor|chef|travel guide|poet|expert in {t})(.| Explain {t}.| Tell me about {t}.)', '(Let\'s|Let us|Can we|I want to) (play|talk about|discuss|chat about|start|do) (a game|{t}|chess|20 questions|hangman|tic tac toe|a quiz|trivia|{w})(.|?|)', '(Sing|Draw|Paint|Play|Show|Open|Close|Start|Stop|Turn on|Turn off|Call|Delete|Send|Upload|Download|Install|Search|Google|Order|Buy|Book|Cancel|Set|Add|Remove|Move|Check|Find|Read|Run) (me |)(a|the|my|some|an) ({w}|{w} {w}|song|picture|music|light|email|file|pizza|alarm|timer|reminder|browser|door|window|app|flight|taxi|report|calendar|news)(.| for {n} minutes.| please| now.| to {W}.| of a {w}.| about {t}.)',
    '(Set|Start) (a timer|an alarm|a reminder) for ({n}|ten|five) (minutes|pm)(.|)', 'Remind me to {w} (the {w} |)(tomorrow|at {n}|tonight|later)(.|)', 'Solve this (riddle|puzzle|equation|problem|sudoku|crossword)(:|.)( {x}|)', '(Roll a die|Flip a coin|Pick a card|Pick a number|Choose a number between 1 and {n}|Give me a random number|Rock, paper, scissors|Generate a password|Random word|Guess my age|Guess what I am thinking|Rate my idea)(.|!|)',
    # weather, news, live things
    "(What is|What's|How is|How's|Tell me|Give me|Show me|Check) (the |today's |)(weather|forecast|temperature|weather forecast)(| like)(| today| tomorrow| now| outside| this weekend)(| in {c}| in {y}| here)(?|.)", '(Will|Does|Is) it (going to |be |)(rain|snow|raining|sunny|cold|warm|hot|storm|windy)( tomorrow| today| in {c}| outside| this week| now|)?', 'Do I need (an umbrella|a coat|sunscreen|a jacket)( today| in {c}| tomorrow|)?', 'weather', '{c} weather', 'weather in {c}', 'weather {c} tomorrow', 'How (hot|cold|warm) is it (in {c}|outside|today)?',
    '(What is|What\'s|Show me|Tell me|Give me|Any) (the |)(latest |)(news|headlines|score|stock price|bitcoin price|exchange rate|price of {w}|traffic)( today| about {t}| in {c}| of {W}| now|)(?|.|)', '(Who|Which team) (won|is winning|plays|leads) (today|last night|yesterday|the league|tonight|the match)?', 'What (is going on|happened|is happening) (in the world|today|in {c}|in {y}|yesterday|this week)?', 'How is (the market|{W}|my {w}|the traffic|business|the stock|bitcoin|the economy) (doing|today|now)?', 'How (far|long) is it (from|to) {c}( to {c}| by car|)?', 'How do I get to {c}(| from {c})?', 'Is the (shop|bank|museum|{w}) open (today|now|on Sunday)?',
    # anything
    '{x}', '{x}?', '(Why|How|When|Where|What|Who|Which|Can|Is|Does|Should|Could|Are|Do) {x}?', '(Please |)(do|make|get|take|give|think|use|try|work|put|let) {x}', 'Who is {W} {W}?', 'Who is {W}?', 'Tell me about {W}.', '{W}', '{W} {W}', '{w} {w}', 'What is {W}?', 'Have you heard of {W}?', '{j}', '{f}', 'Why (do|does|did|are|is|can) (a |the |my |)({w}s|{w}|{w} {w}|cats|dogs|babies|birds|leaves|people|men|we|stars|onions) ({w}|purr|cry|fall|sleep|bark|dream|sing|shine|lie|change color|make us cry|work|die)(?|)',
]
CODE = ['for i in range({n}): print(i)', 'SELECT {w} FROM {w} WHERE {w} = {n}', 'SELECT * FROM {w}', 'print("{w}")', 'def {w}(x): return x + {n}', 'const {w} = () => {n}', 'if ({w} > {n}) return {w};', 'while True: {w}()', 'console.log({w})', 'import {w}', '#include <{w}.h>', 'public class {W}', 'x = [1, 2, 3]', '<div>{w}</div>', 'git {w}', 'sudo apt {w}', 'let {w} = {n}',
        'function {w}() {{ return {n} }}', 'DROP TABLE {w};', 'ls -l', 'curl {w}.com', '{w} = {n} * {w}', 'TypeError: {w} is not a function', 'NullPointerException', 'KeyError: {w}', 'npm {w} {w}', 'docker run {w}', 'chmod +x {w}.sh']
FOREIGN = ['Wie geht es dir?', 'Guten Tag', 'Was kannst du?', 'Erzähl mir einen Witz', 'Wie spät ist es?', 'Bonjour', 'Comment vas-tu ?', 'Merci beaucoup', 'Quelle heure est-il ?', 'Hola, ¿cómo estás?', 'Buenos días', '¿Qué puedes hacer?', 'Ciao, come stai?', 'Buongiorno', 'Olá, tudo bem?', 'Obrigado', 'Привет', 'Как дела?', 'こんにちは', '안녕하세요', 'Hur mår du?', 'Merhaba', 'Cześć',
           'Wo ist der Bahnhof?', 'Ich habe eine Frage.', 'Schreibe ein Gedicht über den Herbst', 'Was ist Liebe?', 'Écris un poème', 'Qui es-tu ?', 'Où est la gare ?', '¿Quién eres?', 'Escribe un poema', 'Chi sei?', 'Wer war Goethe?', 'Wie heißt du?', 'Was ist die Hauptstadt von Frankreich?', 'Quelle est la capitale de l\'Italie ?', '¿Cuál es la capital de Perú?', 'Wieviel ist 3 plus 4?', 'Bitte hilf mir.', 'Das ist ein Test.', 'Je ne comprends pas.', 'No entiendo nada.']
JUNK = ['???', '!!!', '...', '1', '42', '?', 'a', 'x', 'abc', 'foo', 'foo bar', 'lorem ipsum', 'qwerty', 'blah blah blah', '12345', 'hjkl', 'aaaaaa', ':-)', '🎉', '123 456', 'undefined', 'null', 'NaN', '{}', '[]', '<html>', '\\n', 'zzz', 'xyz', 'qwertz', 'sdfsdf', 'jkjkjk', 'fghfgh', '#', '@all', '/start', '/quit', 'q', 'clear', 'undo']
CHINESE_REFUSED = ('(请|帮我|请帮我|)(写|做|画|编)(一|)(首|篇|个|封|段)(诗|文章|故事|信|代码|程序|歌|作文|笑话|邮件|计划|网页|函数)(。|)|(用|请用)(Java|C|Go|Rust|JavaScript)(写|实现)(一个|)(排序|函数|程序|网站|二分查找|爬虫)|(请|)(解释|介绍|说明)(一下|)(量子力学|人工智能|机器学习|相对论|区块链|黑洞|数据库|{w})(。|)|(什么是|怎么|如何|为什么)({w}|学习英语|做饭|减肥|赚钱|睡觉|写代码|天会下雨|海是蓝的|人会做梦)(?|)|'
                   '(明天|今天|上海|广州|深圳|这里|后天|{c})(的|)(天气|气温)(怎么样|如何|好吗)(?|)|会下雨吗?|(把|请把)({w}|你好|谢谢|这句话)翻译成(英语|法语|日语|德语)(。|)|翻译:{w}|({w}|苹果|水|猫)用英语怎么说?|(推荐|给我推荐)(一|)(本书|部电影|首歌|个餐厅)(。|)|(谁是|谁发明了|谁写了)({w}|电话|红楼梦|爱因斯坦)(?|)|(我|)(今天|最近|)(很|)(累|难过|无聊|饿|生病了|不开心)(怎么办|)(?|。|)|你(喜欢|觉得|知道|会|有)({w}|什么|音乐|唱歌|朋友|画画)(吗|)(?|)|'
                   '(世界上|中国|日本|法国)最(大|高|长|小)的(城市|山|河|国家)是(什么|哪个|哪里)?|{w}|{w}是什么?|(有什么|今天有什么)新闻?|(总结|修改|分析)(一下|)(这段|)(文字|代码|文章)(。|)|我想(去|学|买|吃|看)({w}|旅游|英语|书|面条)(。|)|(晚饭|中午|晚上|早上)吃什么?|讲(个|一个|一下)(笑话|历史|道理)(。|)|(唱|来)(首|一首)歌(。|)|圆周率是多少?|地球(多大|有多重|有几岁)?').split('|')

KEPT_OUT_FILES = ['first-impressions.jsonl', 'unseen-requests.jsonl']


def bare(sentence):
    return re.sub(r'[^\w]+', ' ', sentence.lower()).strip()


def read_kept_out():
    folder = os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'cases')
    prompts = []
    for name in KEPT_OUT_FILES:
        with open(os.path.join(folder, name), encoding='utf8') as file:
            prompts += [bare(json.loads(line)['prompt']) for line in file]
    return prompts


KEPT_OUT = read_kept_out()


def kept_out(sentence):
    """true where the sentence is, or holds as whole words, a prompt that training must not meet"""
    plain = f' {bare(sentence)} '
    return any(f' {prompt} ' in plain for prompt in KEPT_OUT)


def salad():
    """words in a row, a little like a sentence"""
    glue = 'the a my of to in and is are with for that it on not you I we this have can will very more was be or but so'.split()
    return ' '.join(choose(glue) if chance() < .45 else any_word() for _ in range(between(3, 11)))


SLOTS = {'t': lambda: choose(TOPICS), 'w': any_word, 'W': Word, 'l': lambda: choose(LANGUAGES), 'g': lambda: choose(PROGRAMMING), 's': lambda: choose(SAYINGS), 'd': lambda: choose(DEEDS), 'c': words.city, 'n': lambda: str(number()),
         'y': lambda: choose([choose(list(CAPITALS)), choose(OTHER_COUNTRIES), words.city()]), 'k': lambda: fill(choose(CODE)), 'x': salad, 'j': lambda: choose([choose(JUNK), word(), str(number()), ''.join(choose('asdfghjkl') for _ in range(between(3, 10)))]), 'f': lambda: choose(FOREIGN),
         'm': lambda: choose(OTHER_MODELS)}


def fill(sentence, slots=SLOTS):
    return re.sub(r'\{([a-zA-Z])\}', lambda found: slots[found[1]]() if found[1] in slots else found[0], sentence)


def ask(options, split, is_question=True):
    return fill(phrase(options, split, is_question))


REFUSED_HELD_OUT = ['I would like your opinion on {t}.', 'Do my {w} for me.', 'Elaborate on {t}.', 'Could we talk about {t} for a moment?', 'Produce a {g} program which {d}.', 'What would {W} say about {t}?', 'Is there life on {W}?', 'Convert this {g} code to {g}.', 'I have trouble with {t}.', 'Whose {w} is that?']


# the held-out phrasings of skills.HARD, kept out of these too
HARD_HELD_OUT = ['What do you think about {w}?', 'Give me some advice on {w} {w}.', 'How can I fix a {w}?', 'Can you explain how {w} works?', 'Compare {w} and {w}.', 'Who is the author of {W}?', 'Argue for and against {w}.']


def refused(split, _own_name):
    """requests of every kind, in many words -> the plain refusal"""
    return ask((REFUSED, REFUSED_HELD_OUT if split == 'test' else REFUSED_HELD_OUT + HARD_HELD_OUT), split), 'This is too hard for me.', CANNOT


def ability(split, _own_name):
    return ask(ABILITY, split), 'The user asks what I can do.', ABILITIES


def clock(split, _own_name):
    return ask(CLOCK, split), 'I have no clock.', NO_CLOCK


def joke(split, _own_name):
    return ask(JOKES, split), 'The user wants a joke.', JOKE


def haiku(split, _own_name):
    return ask(HAIKUS, split), 'The user wants a haiku.', HAIKU


def acknowledged(split, _own_name):
    return ask(ACKNOWLEDGED, split, False), 'The user says something.', ALL_RIGHT


def times(split, _own_name):
    """the same word or words a few times"""
    count = choose([2, 2, 3, 3, 3, 4, 5])
    material = choose([word, Word, real_word, real_word, any_word, any_word, lambda: text(2, 3), lambda: str(number()), lambda: 'hello', lambda: f'{real_word()} {real_word()}'])()
    quoted = material if chance() < .45 else choose(['"{}"', '"{}"', "'{}'"]).replace('{}', material)
    asked = phrase(TIMES, split).replace('{q}', quoted)
    asked = asked.replace('{n} times', 'twice') if count == 2 and chance() < .5 else asked.replace('{n}', choose(COUNT_NAMES[count]))
    counted = ', '.join(f'{n} {material}' for n in range(1, count + 1))
    return asked, f'The user wants {material} {count} times: {counted}.', ' '.join([material] * count)


def big_sum(_split, _own_name):
    """what the model was never meant to compute"""
    kind = chance()
    if kind < .55:
        operator = choose(['+', '-', '*', '*', '/', '/', 'plus', 'minus', 'times', 'divided by', 'x', '**', '%', '^'])
        small = operator not in ('+', '-', 'plus', 'minus')
        a, b = (between(13, 999) if small else between(100, 99999)), (between(2, 999) if small else between(10, 99999))
        if operator in ('/', 'divided by', '%') and chance() < .4:
            a, b = between(1, 40), between(1, 12)
        gap = choose([' ', ' ', '']) if not operator[0].isalpha() else ' '
        wanted = f'{a}{gap}{operator}{gap}{b}' if chance() < .75 or operator == '^' else f'{b}{gap}{operator}{gap}{a}'
        if chance() < .12:
            wanted = f'{wanted} {choose("+-*")} {between(1, 99)}'
    elif kind < .75:
        wanted = f'{between(1, 20)} {choose("+-*")} {between(1, 20)} {choose("+-*/")} {between(1, 20)}'
    else:
        wanted = choose(BIG_FORMS).replace('{x}', str(between(2, 9999))).replace('{y}', str(between(2, 30))).replace('{p}', str(between(1, 99)))
    return vary(put(choose(BIG_SUMS), wanted), True), 'These numbers are too big for me.', SMALL_NUMBERS


def unknown_country():
    return choose(OTHER_COUNTRIES) if chance() < .6 else Word()


def chinese_ability():
    return expand('(你|您|你都|请问你)(能|会|可以|能够)(做|干|帮我做|帮忙做|为我做)(什么|些什么|哪些事)(?|呢?|)' if chance() < .7 else '(你有什么功能|你的能力是什么|怎么用你|你有哪些技能|你擅长什么|帮帮我|我需要帮助|帮助|你的功能)(?|。|)'), '用户问我能做什么。', ABILITIES_CHINESE


def chinese_clock():
    return expand('(现在|今天|请问现在|请问今天)(是|)(几点|什么时间|星期几|几号|什么日子|几月几日|哪一年|周几)(钟|)(?|呢?|)' if chance() < .8 else '(告诉我时间|现在的时间|今天的日期|现在是早上吗|时间|日期|今年是哪一年|明天星期几)(?|。|)'), '我没有时钟。', NO_CLOCK_CHINESE


def chinese_refused():
    return expand(choose(CHINESE_TEMPLATES)).replace('{w}', ''.join(choose(HANZI) for _ in range(between(1, 4)))).replace('{c}', choose(list(CHINESE_CAPITALS.values()))), '这对我太难了。', CANNOT_CHINESE


def split_alternatives(parts):
    """joins what `|` inside brackets had cut"""
    whole, open_brackets = [], 0
    for part in parts:
        whole = whole[:-1] + [whole[-1] + '|' + part] if open_brackets else whole + [part]
        open_brackets += part.count('(') - part.count(')')
    return whole


CHINESE_TEMPLATES = split_alternatives(CHINESE_REFUSED)
