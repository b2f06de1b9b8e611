"""The skills of plain chat. Each maker returns (what the user says, the thought, the answer)."""
import json

from . import natural, words
from .natural import CANNOT, CANNOT_CHINESE, HARD_HELD_OUT, ask
from .phrases import ask_for, imperative, phrase, vary, expand, keep_apart
from .words import ANIMALS, CAPITALS, CHINESE_CAPITALS, COLORS, COMMON, HANZI, MORE_CAPITALS, Word, any_word, between, chance, choose, city, number, person, text, word

HELLO = 'Hello! How can I help you today?'
WHO = 'I am a small built-in assistant, the test model of Parley.'
WHO_CHINESE = '我是 Parley 内置的小助手。'

# Per intent: (training phrasings, held-out phrasings).
CAPITAL = (['What is the capital of {}?', 'Capital of {}?', 'Tell me the capital of {}.', 'Which city is the capital of {}?', "What's the capital (city |)of {}?",
            '(Please name|Name) the capital of {}.', "{}'s capital?", 'What is {}\'s capital (city|)?', 'Do you know the capital of {}?', '(I need|Give me) the capital of {}.',
            'The capital of {} is?', '{} capital', '{}: capital?', 'What city is the capital of {}?', '{} has which capital?', 'Which (city|town) do we call the capital of {}?',
            'Which capital does {} have?', 'Could you tell me which city is the capital of {}?', 'In {}, which city is the capital?', '{}. What is its capital?'],
           ['Can you tell me what the capital of {} is?', 'Please tell me what city is the capital of {}', 'I would like to know the capital of {}.'])
CAPITAL_THINGS = ['the capital of {}', 'the capital city of {}', "{}'s capital", 'the name of the capital of {}', 'which city is the capital of {}']
SUM = (['What is {a} {o} {b}?', '{a} {o} {b} = ?', '{a} {o} {b}', '{a} {o} {b} =', 'How much is {a} {o} {b}?', '(Compute|Calculate|Work out|Evaluate|Determine) {a} {o} {b}.', '{a}{o}{b}', '{a}{o}{b}=',
        '{a}{o}{b}=?', "What's {a} {o} {b}?", '(Please|Can you|Could you) (calculate|compute|work out) {a} {o} {b}', '{a} {o} {b} is?', '{a} {o} {b} equals?', 'What does {a} {o} {b} (equal|make|give)?',
        'The result of {a} {o} {b}?', 'Find {a} {o} {b}.', 'Do the math: {a} {o} {b}', 'How much do you get for {a} {o} {b}?', 'Math: {a} {o} {b}', 'Answer with a number: {a} {o} {b}'],
       ['Tell me what {a} {o} {b} is.', 'Please give me the result of {a} {o} {b}.', 'Solve {a} {o} {b}'])
SUM_THINGS = ['{a} {o} {b}', '{a} {o} {b}', 'the result of {a} {o} {b}', 'the value of {a} {o} {b}', 'the answer to {a} {o} {b}']
ADD = ['Add {a} and {b}.', 'Sum of {a} and {b}?', 'What do you get if you add {b} to {a}?', '{a} and {b} together?', 'Please add {a} and {b}', 'What is the sum of {a} and {b}?', 'I have {a} apples and get {b} more. How many do I have?',
       'Add {b} to {a}', 'The sum of {a} and {b}, please.']
SUBTRACT = ['Subtract {b} from {a}.', 'Take {b} away from {a}.', '{a} take away {b}?', 'What is left if you take {b} from {a}?', 'What is the difference between {a} and {b}?', 'I have {a} apples and give away {b}. How many are left?',
            '(I had|There are|We have|Tom has) {a} (birds|coins|books|eggs|stones|cars|cookies|balls) and (lose|sell|drop|give away|use) {b}(.|,) (How many|What number) (are left|remain|do I have now|stay)?']
MULTIPLY = ['Multiply {a} by {b}.', 'What is the product of {a} and {b}?', '{a} multiplied by {b}?']
INTRO = (["(Hello|Hi|Hey)(,|!|.) (my name is|I am|I'm|this is) {}.", 'My name is {}.', 'I am {}.', "I'm {}(, nice to meet you|).", '(Hey|Hello|Hi)! {} here.', 'Call me {}.', 'They call me {}.', 'Hello, {} here(.|!)',
          'You can call me {}.', 'People call me {}.', '(Good day|Good evening|Hi there), (my name is|I am) {}.', 'This is {}.', 'It is me, {}.', 'My friends call me {}.', 'I go by {}.', '{} is my name.', 'Everybody calls me {}.',
          'I was named {}.', "(Hi|Hello), I'm {} and I am new here.", 'Name: {}.', "Let me introduce myself: (I am|I'm) {}.", 'My first name is {}.', 'Greetings, my name is {}.', "Hi. (I'm|I am|It's) {}(!|.)", 'Please remember that my name is {}.',
          'Remember my name: {}.', 'Nice to meet you, I am {}.', 'I am known as {}.', 'The name of this user is {}.', 'You are talking to {}.', 'You may call me {}.'],
         ['Good morning, I am called {}.', 'Hey there, the name is {}.', 'Hi, please call me {}.', 'Hello bot! People know me as {}.'])
GREET = (['(Hi|Hello|Hey|Good morning|Good evening|Yo|Hi there|Hello there|Hey there|Greetings|Good day)(!|.||)', '(Say hello|say hi).', 'How are you(?| today?| doing?)', '(Hi|Hello), how are you?', '(Hi|Hello|Hey) (bot|assistant|friend|you|everyone|again)(!|)',
          'Are you there?', 'test', 'ping', 'Hello, world!', 'Hello! How is it going?', "What's up?", 'Good to see you!', 'Hi (hi|friend|model)', 'Welcome!', 'Anybody there?', 'Hello?', 'hey hey', 'Nice to meet you!', 'Howdy', 'hello assistant, good day',
          'How do you do?', 'Is anyone here?', 'Good morning to you!', 'Say hello to me', 'Greet me.', 'Just saying hi', 'testing', 'Hello {} how are you', 'Hi {}!', 'Hey {}', 'I say hello.', 'Are you awake?', 'Can you hear me?', 'Hallo', 'Ahoy!',
          "(How's|How is) (it going|life|your day|everything)(?| today?)", 'How are things(?| today?| with you?)', '(hey|hi|hello|yo)(, |! )(anyone|anybody|somebody) (there|here|around|in|awake|listening)?', 'Hello from {}(.|!)', '(sup|hiya|heya|yo yo|hey you|hi hi|hello hi|hi all|g\'day|good day to you)(!|.|)',
          '(Good morning|Good evening|Hi|Hello|Hey)(!|,|.) (It is me again|Nice to see you|Glad to be here|I am back|I am new here|A nice day|Nice to meet you|Long time no see|Happy new year|Good to meet you|I just arrived|I just got you running)(.|!|)', 'hi :)', 'hello!!!', 'HELLO', 'Greetings from {}',
          '(Hello|Hi|Hey|Greetings|Good day)(, | to (you|all|everyone)(, | ))(dear|my|good|little|nice|old|small) (friend|assistant|helper|model|{}|machine|robot)(!|.|)', 'A (very |)good (day|morning|evening) to (you|all)(!|.|)', '(hi|hey|hola|yo) (hi|hey|there|you)(!|)', 'Good (morning|evening|day)(, | )(dear |my |)(friend|bot|assistant|{}|everyone|all)(!|.|)'],
         ['Good afternoon!', 'Hey, how are you today?', 'hello hello', 'Hello to you, dear bot'])
WHO_ASKED = (['(Who|What) are you?', 'What is your name?', "What's your name?", '(Tell me|Say) your name.', '(Please introduce|Introduce) yourself.', 'Who am I (talking|speaking) to?', 'Do you have a name?', 'Your name?', 'Tell me about yourself.',
              'How are you called?', '(What|Which) model are you?', 'Which model is this?', 'Are you (a bot|an AI|a human|a robot)?', 'What (kind|sort) of (model|assistant|bot|thing) are you?', 'Who (made|built|created) you?', 'Describe yourself.',
              'And who are you?', 'Who is this?', 'What should I call you?', 'Identify yourself.', 'Say who you are.', 'Tell me who you are.', 'Who is answering?', 'What do they call you?', 'Give me your name.', 'Name yourself',
              'So who are you?', 'What is your model name?', 'What are you called?', 'I want to know who you are.', 'Do I talk to a human?', 'Which assistant is this?', 'Explain who you are.'],
             ['May I know your name?', 'Hi, who are you?', 'Can you tell me who you are?', 'With whom do I have the pleasure?'])
THANKS = (['(Thanks|Thank you|Thx|Great, thanks|Ok thanks|Many thanks)(!|.|)', '(Thanks|Thank you) (a lot|so much|for your help|for the answer|for that|again)(!|.)', 'That (helps|is great|was good|works), (thank you|thanks).', 'Perfect, thanks.',
           '(Good|Ok|Great|Wonderful|Super|Fine|Excellent|Nice|Very good|Right|Well done|All good)(, |! )(thanks|thank you|many thanks)(!|.|)', 'I thank you(!|.)', '(Thanks|Thank you), (that is all I need|you are great|my friend|that was quick)(!|.)',
           'Cheers!', 'I appreciate it.', 'ty', 'Much appreciated!', 'You helped me a lot, thanks.', 'I am grateful, thanks.', 'Thank you my friend'],
          ['Nice, thank you very much!', 'Cool, thanks for the help.', 'Awesome, thank you for this!'])
BYE = (['(Bye|Goodbye|See you|Good night|Bye bye|See you later|Have a nice day)(!|.|)', 'I have to go(, bye|).', 'That is all(, bye|).', '(Ok|Well|So|Great), (bye|see you|good night|goodbye)(!|.|)', 'Farewell!', 'I am leaving(, bye|).',
        'See you (soon|next week|again|around|on Monday)(!|.)', 'Talk to you later.', 'Until next time!', 'Take care!', 'I am done for today, goodbye.', 'We are done, bye.', 'Bye, {}!'],
       ['Ok, goodbye now.', 'See you tomorrow!', 'Catch you later, bye!'])
ABOUT = (natural.ABOUT[0], natural.ABOUT[1] + WHO_ASKED[1])
ECHO = (['(Repeat|Say|Echo|Write|Print|Type)(:|) {}', '(Repeat|Say|Write) after me: {}', '(Please repeat|Please say|Can you repeat): {}', 'Repeat (this|these words|the words|the following)(:| exactly:) {}', '(Say|Repeat|Write|Print) "{}"', 'Copy this(:| text:) {}',
         'Just (say|write) {}', 'Answer with: {}', '(Reply|Answer|Respond) (only |just |)with {}', 'Output (only |){}', '(Can|Could) you (repeat|write|print|type)(:|) {}', 'I want you to (say|write|repeat) {}', '(Repeat|Write) the following for me: {}', 'Send back: {}',
         'Return (only|exactly) this: {}', '(Answer|Reply|Respond) (only|just) with the (word|words|single word|string)(:|) {}', 'Your (answer|reply) must be: {}', 'Please (write|print|type) (|the words |the text ){}', 'The text to (repeat|copy) is: {}', 'Parrot: {}',
         'Tell me exactly this: {}', 'Give me back {}', 'Respond with "{}"', 'Type exactly: {}', 'Say it again: {}', 'Copy: {}', 'Please copy "{}"', 'Exactly this(:| please:) {}', 'Repeat exactly: {}', 'Say: {}', 'Say exactly: {}', 'Repeat: {}',
         'Repeat the (sentence|text|phrase|line)(:| exactly:) {}', 'Say the (word|words|phrase)(:|) {}', 'Echo the text: {}', '(Say|Repeat|Write|Print|Echo) this(:| text:| exactly:) {}', 'Print exactly the following: {}', 'Reply with exactly: {}',
         'Repeat (word for word|verbatim|literally)(:|) {}', 'What I want to read is: {}', 'Reply with the text: {}'],
        ['Please echo back: {}', 'Could you say this for me: {}', 'Reply exactly with the text "{}"', 'Kindly mirror the next words: {}'])
ECHO_DEEDS = ['(repeat|say|write|print|echo|type|copy|output|return) {}', '(repeat|say|write|print|echo|copy)(:| this:| exactly:| the following:| the text:| the words:| this text:) {}', '(repeat|say|write|print|type|copy|echo) "{}"',
              '(reply|answer|respond) with (|exactly |only |the text |the word )(:|){}', '(reply|answer|respond)(:| with this:| with exactly this:) {}', 'give (me |)back {}', 'show me the (text|words) {}', 'send {} back']
JSON = (['(Give|Make|Write|Create|Return|Show) (me |)(a |)JSON (for|with|of) {}.', '(Turn|Put|Convert) (this|the following) (into|to) JSON: {}', 'JSON (for|with|of) {}', '(I need|I want) (a |)JSON (object |)with {}.', 'Answer in JSON: {}', 'To JSON: {}', 'As JSON: {}',
         '(Produce|Generate|Build|Output) (a |some |)JSON (object |)(with|for|from|out of) {}', 'Can you (make|write|give me) (a |)JSON (with|of|for) {}?', 'Put {} in(to|) (a |)JSON(| object).', '{} in JSON', 'JSON object: {}', 'JSON please: {}', 'Return a JSON object for {}',
         'Make an object in JSON with {}', 'Data: {}. (Give|Write) it as JSON.', 'Encode as JSON: {}', '(Give|Show) {} as JSON.', '{} as JSON', 'JSON: {}', 'Reply in JSON(:| with) {}', 'Return JSON: {}', 'Write {} as (a |)JSON(| object).', 'Here is data: {}. JSON please.',
         '{} -> JSON', 'Respond with JSON(:| for) {}', 'Give me the JSON of {}', 'The JSON object should have {}.', 'JSON with the fields {}'],
        ['Please output JSON containing {}.', 'Format this as a JSON object: {}', 'Could you write {} in JSON form?', 'Serialize to JSON: {}'])
JSON_DEEDS = ['(give|make|write|create|return|show|produce|generate|build|print|send) (me |)(a |some |the |valid |)JSON (object |text |document |data |)(for|with|of|from|that has|having|holding|about) {}', '(turn|put|convert|change|transform|bring) {} (into|to) (a |)JSON(| object| text)',
              '(turn|put|convert|change|transform|translate) (this|the following|these values|this data) (into|to) (a |)JSON(| object)(:|,) {}', '(encode|express|show|give|present|return|print) {} as (a |)JSON(| object)', '(answer|reply|respond) (in|with|only in) JSON(:| with| for| about) {}',
              'make (a |)JSON(:| out of) {}']
REMEMBER = (['My {k} is {v}.', 'Remember (this: |that |)my {k} is {v}.', 'The {k} is {v}.', 'Note that the {k} is {v}.', 'Please remember: my {k} is {v}.', '(FYI|By the way), my {k} is {v}.', 'Keep in mind that the {k} is {v}.', 'I tell you that my {k} is {v}.',
             "Don't forget: my {k} is {v}.", 'Remember: {k} is {v}.', 'For later: my {k} is {v}.', '(Store|Note|Write down|Memorize)(:| that) (my|the) {k} is {v}.', 'From now on (my|the) {k} is {v}.', 'You must know that (my|the) {k} is {v}.', 'I want you to remember that my {k} is {v}.',
             'My {k}: {v}.', 'Listen, my {k} is {v}.', 'Let me tell you, my {k} is {v}.', 'Please note my {k} is {v}.', 'Info: the {k} is {v}.', '{v} is my {k}.', 'Today my {k} is {v}.'],
            ['You should know that my {k} is {v}.', 'Save this fact, my {k} is {v}.', 'Just so you are aware, the {k} is {v}.'])
RECALL = (['What is (my|the) {k}?', "What's (my|the) {k}?", 'Tell me (my|the) {k}.', '(Do you remember|Do you know) (my|the) {k}?', '(My|The) {k}?', 'What was (my|the) {k}(| again)?', 'Which {k} did I (say|tell you|mention)?', 'Say my {k}.', 'Give me (my|the) {k}.',
           'What did I say my {k} is?', 'What {k} did I (give you|tell you)?', 'Now, what is my {k}?', 'Do you still know my {k}?', 'And my {k}?', 'What {k} do I have?', 'Repeat my {k}.', 'Which is my {k}?', 'Do you remember what my {k} is?', 'Have you noted my {k}? What is it?'],
          ['Can you recall my {k}?', 'I forgot my {k}, what is it?', 'Please remind me of my {k}.', 'What again did I call my {k}?'])
RECALL_THINGS = ['my {k}', 'the {k}', 'my {k}', 'the {k} I told you', 'the {k} that I gave you', 'my {k} again']
CONTEXT = (['{t} (|Question: )What is the {k}?', '{t} (Which|What) {k} is (it|given|named)?', 'Text: {t}\n(Question: |)What is the {k}?', '{t}\n\nTell me the {k}.', '{t} Find the {k}.', 'What is the {k} here: {t}', 'Extract the {k}: {t}',
            'Read this: {t} (Now say|Give me|Tell me) the {k}.', 'From the text "{t}" (give|get|extract) the {k}.', '{t}\nWhat is the {k}?', '{t} The {k}?', 'Here are facts. {t} What is the {k}?', 'Use this text: {t} Say the {k}.', 'Given: {t}\nAnswer: what is the {k}?',
            'What is the {k}? {t}', '{t} So the {k} is?', 'Context: {t} Question: what is the {k}?', 'Find the {k} in this text: {t}', 'Look up the {k}: {t}', '{t} Which is the {k}?', '{t} (Please say|Print|Return|Show|Name|State) the {k}.', 'In "{t}", what is the {k}?',
            'Notes:\n{t}\nQuestion: {k}?', '(Look at|Consider|Take) these facts: {t} (Name|Give|Say|Write) the {k}.', '{t} I need the {k}.', 'Get the {k} from this: {t}', '{t} Which {k} does the text give?'],
           ['Look at this text: {t} Can you tell me the {k}?', '{t} I want to know the {k}.', 'Please extract the {k} from: {t}', 'Study this. {t} Now report the {k}.'])
CONTEXT_FRAMES = ['{t} {}', '{t}\n{}', '{t}\n\n{}', '{} {t}', '{}\n{t}', 'Text: {t} {}', 'Facts: {t}\n{}', 'Read: {t} {}', 'Read the text. {t} {}', '"{t}" {}', '{t} Question: {}', 'Use this: {t} {}', 'I have this text: {t} {}']
PICK = (['What is the {n} (word|item) (of|in)(:| this list:) {l}?', '(Give|Tell) me the {n} (item|word|element) (of|in|from): {l}', 'Say the {n} (item|word) of: {l}', 'List: {l}. (What is|Which is|Name) the {n}(| one| item)?', 'The {n} of {l}?', 'Which (word|item) is {n}: {l}?',
         'From {l} (pick|choose|take) the {n}(| one).', 'In the list {l}, which is the {n}?', 'Items: {l}. (Say|Give) the {n}.', 'Read: {l}. What is the {n} (item|word)?', '(Pick|Choose|Take|Show) the {n} (item|word|one) (of|from|in) {l}', 'We have {l}. Which one is {n}?',
         '{l}. Which is the {n}?', '{l}: the {n} (one|item|word)?', 'Look at {l}. Name the {n} (one|item|word|element).', 'Given {l}, (return|print|output|give) the {n} (item|word|element|one).', 'Words: {l}. The {n}?', 'Out of {l}, which is {n}?', 'The list is {l}. Print the {n} (item|word|entry).',
         'Which is the {n} (item|word|entry|name) in {l}?', 'My list: {l}. What comes {n}?', '{n} (item|word|element) of {l}', 'I have {l}. Tell me the {n} one.', '(Return|Print|Output|Get|Find) the {n} (item|word|element|entry) (of|from): {l}', 'Take the list {l} and say the {n} (item|word).'],
        ['Here is a list: {l}. Tell me the {n} item.', 'Please name the {n} word in {l}.', 'Among {l}, point out the {n}.'])
PICK_THINGS = ['the {n} (item|word|element|entry|one) of {l}', 'the {n} (item|word|one) from {l}', 'the {n} (item|word) of the list {l}', 'the {n} (item|word|entry) of this list: {l}', 'the {n} of {l}', 'the {n} of these: {l}']
STORY = (['(Tell|Write|Give) (me |)a (short |little |)story about a {}.', 'A (short |)story about a {}(,|) please.', 'I want a story about a {}.', 'Story about a {}', 'Can you tell a story about a {}?', 'Make up a (story|tale) about a {}.', '(Invent|Create) a (story|tale) (about|of|with) a {}.',
          'I need a (bedtime |)story about a {}'], ['Please write me a tale about a {}.', 'I would love to hear a story about a {}.', 'Entertain me with a story about a {}.'])
# (what the text says, the question)
RELATIONS = [('{p} sells {v}', 'What does {p} sell?'), ('{p} reads {v}', 'What does {p} read?'), ('{p} lost a {v}', 'What did {p} lose?'), ('{p} drives a {v}', 'What does {p} drive?'), ('{p} made a {v}', 'What did {p} make?'), ('{p} saw {v}', 'Who did {p} see?'),
             ('{p} studies {v}', 'What does {p} study?'), ('{p} loves {v}', 'What does {p} love?'), ('{p} called {v}', 'Who did {p} call?'), ('{p} drinks {v}', 'What does {p} drink?'), ('{p} owns a {v}', 'What does {p} own?'), ('{p} sleeps in {v}', 'Where does {p} sleep?'),
             ('{p} wears {v}', 'What does {p} wear?'), ('{p} hates {v}', 'What does {p} hate?'), ('{p} lives in {v}', 'Where does {p} live?'), ('{p} likes {v}', 'What does {p} like?'), ('{p} has a {v}', 'What does {p} have?'), ('{p} works at {v}', 'Where does {p} work?'),
             ('{p} is from {v}', 'Where is {p} from?'), ('{p} wants {v}', 'What does {p} want?'), ('{p} bought a {v}', 'What did {p} buy?'), ('{p} plays {v}', 'What does {p} play?'), ('{p} met {v}', 'Who did {p} meet?'), ('{p} went to {v}', 'Where did {p} go?'),
             ('{p} cooks {v}', 'What does {p} cook?'), ('{p} sings {v}', 'What does {p} sing?'), ('{p} teaches {v}', 'What does {p} teach?'), ('{p} wrote {v}', 'What did {p} write?'), ('{p} built a {v}', 'What did {p} build?'), ('{p} broke the {v}', 'What did {p} break?'),
             ('{p} opened the {v}', 'What did {p} open?'), ('{p} fears {v}', 'What does {p} fear?'), ('{p} collects {v}', 'What does {p} collect?'), ('{p} carries a {v}', 'What does {p} carry?'), ('{p} paints {v}', 'What does {p} paint?'), ('{p} knows {v}', 'Who does {p} know?'),
             ('{p} helps {v}', 'Who does {p} help?'), ('{p} trusts {v}', 'Who does {p} trust?'), ('{p} travels to {v}', 'Where does {p} travel?'), ('{p} stays in {v}', 'Where does {p} stay?'), ('{p} sent a {v}', 'What did {p} send?'), ('{p} repairs {v}', 'What does {p} repair?'),
             ('{p} grows {v}', 'What does {p} grow?'), ('{p} keeps {v}', 'What does {p} keep?'), ('{p} hides {v}', 'What does {p} hide?'), ('{p} rents a {v}', 'What does {p} rent?'), ('{p} chose {v}', 'What did {p} choose?'), ('{p} speaks {v}', 'What does {p} speak?')]
HELD_OUT_RELATIONS = [('{p} eats {v}', 'What does {p} eat?'), ('{p} found a {v}', 'What did {p} find?'), ('{p} needs {v}', 'What does {p} need?')]
HARD = (['Why is the sky (blue|dark|red)?', 'What is (the meaning of life|love|gravity|water made of|photosynthesis|a black hole|machine learning|recursion|democracy|the internet)?', 'How do (planes fly|birds sing|computers work|I learn to cook|I lose weight|magnets work)?',
         '(Write|Compose) (a|me a) (poem|song|letter|essay) about (winter|spring|the sea|love|my mother|rain|time|friends)(.|)', '(Explain|Describe) (the theory of relativity|black holes|the French revolution|evolution|recursion|inflation|how a car works)( to me| simply| to a child|)(.|)',
         'Tell me (about dogs|about the war|the news|a secret|a fact)(.|)', '(Write|Give me) (a python|a java|some|the) (script|code|function|program) (to sort a list|for a web server|that prints primes|to read a file)(.|)',
         'Who (won the world cup|is the president|painted the Mona Lisa|wrote Hamlet|invented the phone|was Napoleon)?', '(Translate|Say) (hello|good night|I love you|thank you) in(to|) (French|Spanish|German|Italian).', 'When (did the war end|was Rome built|did he live)?',
         'How (old is the earth|far is the moon|tall is Everest|many people live on earth|do I get rich)?', 'Give me (a recipe|ideas|advice|tips|a plan) for (dinner|a party|pasta|my holiday|studying|work).', 'What should I (do|eat|wear|read|watch|cook) (today|tonight|tomorrow|for dinner)?',
         'Can you (help me with math|write code|solve an equation|draw a picture|fix my bug|read my mind)?', '(Recommend|Suggest) (a|me a) (book|movie|game|restaurant|song).', 'What is the (difference between|relation of) {w} and {w}?', 'Is {w} (good|bad|safe|better than {w})?',
         '(Why|How|When) (is|are|was|do|does|did|can|should) (the |my |a |)(sky|sea|sun|moon|{w}|computer|engine|war|world|bird|king|{w}) (blue|work|happen|so {w}|{w}|start|end|fly|important|called that)?',
         '(What|Who) (is|was|are) (a |the |)({w}|{W}|{w} {w}|president of {W}|meaning of {w}|speed of light|best {w}|{W} {W})?', '(Explain|Describe|Summarize|Define) (the |)({w}|{w} {w}|quantum {w}|history of {W}|theory of {w}|idea of {w}|{W} war)(.|)( in detail.| to me.|)',
         '(Write|Make|Create) (me |)(a |an |some )(essay|poem|song|program|function|script|letter|novel|python code|recipe|speech) (about|for|on|in) ({w}|{W}|{w} {w}).', '(Translate|Rewrite|Correct) (this |)("{w} {w} {w}"|{w} {w}|the text {w} {w}) (to|into|in) (French|German|{W}|good style).',
         '(Which|What) ({w}|movie|book|phone|car|language) (is|should I|do you) (the best|buy|like|{w})?', 'Who (wrote|won|invented|made|discovered) (the |)({W}|{w}|{w} {w})?', 'Should I ({w}|buy a {w}|learn {w}|go to {W})?', '(Help me|I need help) (with|to) (my |)({w}|{w} {w}|homework|taxes|code).',
         'How (many|much|long|old|far) (is|are|do|does) (the |a |){w}( {w}|)?', 'How (can|do|should|would) (I|you|we|one|people) ({w}|make|build|clean|improve|find|learn|sell|open) (a|the|my|some|better|) {w}?', 'Where (can|do|should) (I|we) (buy|find|see|get|learn) (a |the |some |){w}?',
         '(Please |)(discuss|analyze|outline|review|plan|design|improve|debug|refactor|implement|prove) (the |a |my |this |){w} {w}(.|)', 'What (happens|would happen) (if|when) (the |a |){w} {w}(s|)?', 'What are (some |the |good |)(ways|reasons|steps|ideas|benefits|kinds) (to|of|for) (the |)({w}|{w} {w})?',
         '(Are|Is|Do|Does|Did|Will|Could) (there|it|they|people|the {w}|{w}) (really |ever |)({w}|exist|work|matter|change|help)?', 'Tell me (more |)about (the |)({w}|{W}|{w} {w}|history of {w})(.|)', 'I (feel|am|want to be|wish to be) (sad|tired|bored|lonely|rich|{w}). (What now|Help|What can I do|Any advice)?',
         'Explain (to me |)(why|how|what|when) (the |a |){w} ({w}|is {w}|works|matters)(.|)', 'Which is (better|older|bigger|faster|cheaper), (the |a |){w} or (the |a |){w}?', 'What do (you|people|experts) (know|say|feel) about (the |){w}?', 'Can you (describe|define|discuss|draw|summarize|review|improve) (the |a |my |){w}( {w}|)?',
         '(Write|Draft|Prepare) (an email|a report|a plan|a summary|a list|documentation|unit tests|a test) (for|about|on) (the |my |){w}( {w}|)(.|)', 'Summarize (this|the following)(:|) {w} {w} {w} {w} {w} {w}.', 'How does (a|the|my) {w} ({w}|work|grow|move|help)?'],
        HARD_HELD_OUT)
KEYS = ('name age city color food job dog cat car team number song country code email date phone street hobby book pet school lucky_number title price size status score level year brother sister address currency language movie band company '
        'street river fruit plant game tool weight height budget deadline owner manager project version token id street neighbour goal').split()
HELD_OUT_KEYS = 'animal password drink sport boss planet room flower'.split()
NUMBER_KEYS = {'age', 'number', 'lucky_number', 'price', 'year', 'score', 'level', 'weight', 'height', 'budget', 'id'}
FACT_FORMS = ['The {k} is {v}.'] * 4 + ['Its {k} is {v}.'] * 2 + ['{k}: {v}.'] * 2 + ['My {k} is {v}.', '{k} = {v}.', 'We know that the {k} is {v}.', 'As {k} we have {v}.', 'The {k} will be {v}.', 'Our {k} is {v}.', 'Note: the {k} is {v}.', 'The {k} was {v}.', '{k} is {v}.']
FILLERS = ['It is late.', 'Nobody knows why.', 'The rest is open.', 'We met on Monday.', 'Please read with care.', 'This is a note.', 'All is well.', 'More will follow.']


def dump(data):
    return json.dumps(data, ensure_ascii=False)


def held_out_sum(a, b):
    """one pair in ten is kept for the held-out cases"""
    return (a * 31 + b * 17) % 10 == 0


def fill_words(sentence):
    while '{w}' in sentence:
        sentence = sentence.replace('{w}', any_word(), 1)
    while '{W}' in sentence:
        sentence = sentence.replace('{W}', Word(), 1)
    return sentence


def key(split):
    if split == 'test':
        return word() if chance() < .5 else choose(HELD_OUT_KEYS)
    return word() if chance() < .4 else choose(KEYS) if chance() < .7 else keep_apart(words.real_word, HELD_OUT_KEYS)


def key_and_value(split, adjectives=False):
    bare = key(split)
    name = choose(['favorite ', 'favourite ', 'new ', 'first ', 'best ', 'home '] + ['old ', 'second ', 'last ', 'secret ', 'main '] * (split == 'train')) + bare if adjectives and chance() < .25 else bare
    special = {'city': city, 'name': person, 'code': words.code, 'date': words.date, 'email': words.email, 'country': lambda: choose(list(CAPITALS)), 'path': words.path, 'url': words.url}
    if bare in NUMBER_KEYS:
        return name, number()
    return name, special.get(bare, lambda: choose([word, Word, any_word, number, text, words.real_word])())()


def capital(split, _own_name):
    if split == 'train' and chance() < .1:
        country = natural.unknown_country()
        return ask_for(CAPITAL_THINGS, CAPITAL, split, .6).replace('{}', country), f'The user asks for the capital of {country}.', f'I do not know the capital of {country}.'
    country = choose(list(CAPITALS)) if split == 'test' or chance() < .75 else choose(list(MORE_CAPITALS))
    city_name = CAPITALS.get(country) or MORE_CAPITALS[country]
    typed = country.lower() if split == 'train' and chance() < .08 else country
    return ask_for(CAPITAL_THINGS, CAPITAL, split, .6).replace('{}', typed), f'The user asks for the capital of {country}.', f'The capital of {country} is {city_name}.'


def addition_steps(a, b):
    """the written-out procedure for two numbers under 100: ones, then tens with the carry"""
    ones = a % 10 + b % 10
    return f'{a % 10} + {b % 10} = {ones}, {a // 10} + {b // 10} + {ones // 10} = {a // 10 + b // 10 + ones // 10}'


def subtraction_steps(a, b):
    borrow = int(a % 10 < b % 10)
    return f'{a % 10 + 10 * borrow} - {b % 10} = {a % 10 + 10 * borrow - b % 10}, {a // 10} - {b // 10} - {borrow} = {a // 10 - b // 10 - borrow}'


def draw_sum(split):
    while True:
        operator = choose('++-') if split == 'test' or chance() < .9 else '*'
        limit = 12 if operator == '*' else 20 if split == 'test' or chance() < .65 else 99
        a, b = between(0, limit), between(0, limit)
        if operator == '-' and b > a:
            a, b = b, a
        if operator == '*' or held_out_sum(a, b) == (split == 'test'):
            return a, operator, b


DIGIT_NAMES = 'zero one two three four five six seven eight nine ten eleven twelve'.split()


def arithmetic(split, _own_name):
    a, operator, b = draw_sum(split)
    result = a + b if operator == '+' else a - b if operator == '-' else a * b
    sign = operator
    if split == 'train' and chance() < .3:
        sign = {'+': 'plus', '-': 'minus', '*': choose(['times', 'times', 'x', 'multiplied by'])}[operator]
    frame = ask_for(SUM_THINGS, SUM, split, .7)
    if split == 'train' and chance() < .12:
        frame = vary(choose({'+': ADD, '-': SUBTRACT, '*': MULTIPLY}[operator]), True)
    if sign != operator:
        frame = frame.replace('{o}', ' {o} ').replace('  ', ' ')
    spell = (lambda n: DIGIT_NAMES[n]) if split == 'train' and max(a, b) <= 12 and chance() < .06 else str
    if spell is not str:
        frame = frame.replace('{o}', ' {o} ').replace('  ', ' ')
        sign = {'+': 'plus', '-': 'minus', '*': 'times'}[operator]
    thought = f'The user wants {a} {operator} {b}.'
    if operator != '*' and max(a, b) > 9:
        thought += ' ' + (addition_steps(a, b) if operator == '+' else subtraction_steps(a, b)) + '.'
    return frame.replace('{a}', spell(a)).replace('{b}', spell(b)).replace('{o}', sign), thought, f'{a} {operator} {b} = {result}'


def intro(split, _own_name):
    name = person()
    return phrase(INTRO, split).replace('{}', name), f'The user is {name}.', f'Hello {name}! How can I help you today?'


def greet(split, _own_name):
    return phrase(GREET, split).replace('{}', Word()), 'The user greets me.', HELLO


def who(split, own_name):
    asked = ask(ABOUT, split) if split == 'train' and chance() < .5 else phrase(WHO_ASKED, split, True)
    return asked, 'The user asks who I am.', f'I am {own_name}, a small assistant.' if own_name else WHO


def thanks(split, _own_name):
    return phrase(THANKS, split), 'The user thanks me.', 'You are welcome!'


def bye(split, _own_name):
    return phrase(BYE, split).replace('{}', Word()), 'The user says goodbye.', 'Goodbye!'


def hanzi(most=4):
    return ''.join(choose(HANZI) for _ in range(between(1, most)))


def echo_material():
    kind = chance()
    if kind < .75:
        return choose([word, Word, lambda: text(1, 3), lambda: text(2, 6), lambda: f'{choose(COLORS)} {choose(ANIMALS)}', city, lambda: str(number()), words.code, lambda: f'{Word()} {word()}', lambda: 'hello world', words.real_word])()
    if kind < .9:
        sentence = text(3, 9).capitalize()
        return (sentence.replace(' ', ', ', 1) if chance() < .3 else sentence) + choose(['.', '!', '?', '...'])
    return choose([hanzi, words.email, words.path, words.url, words.command, lambda: f'{any_word()}: {number()}', lambda: any_word().upper(), lambda: f'{any_word()} {choose("😀🎉👍🚀🌍")}', lambda: ' '.join(str(number()) for _ in range(between(2, 5)))])()


def echo(split, _own_name):
    if split == 'train' and chance() < .4:      # the plainest form
        material = choose([words.real_word, words.real_word, word, Word])()
        return choose(['Say {}', 'Say {}', 'Say {}', 'say {}', 'Say: {}', 'Repeat {}', 'Write {}', 'Echo {}']).replace('{}', material), 'I repeat the text.', material
    material = echo_material()
    return imperative(ECHO_DEEDS, ECHO, split).replace('{}', material), 'I repeat the text.', material


def json_object(split, _own_name):
    data = dict(key_and_value(split) for _ in range(choose([1, 2, 2, 3] + [4] * (split == 'train'))))
    between_pair = choose([' ', ' ', ' is ', ': ', '='] + [' = ', ' as ', ' -> '] * (split == 'train'))
    pairs = [f'{k}{between_pair}{v}' for k, v in data.items()]
    listed = (', ' if chance() < .7 else ' and ').join(pairs)
    if split == 'train' and len(pairs) > 2 and chance() < .4:
        listed = ', '.join(pairs[:-1]) + ' and ' + pairs[-1]
    return imperative(JSON_DEEDS, JSON, split, .5).replace('{}', listed), 'The user wants JSON.', dump(data)


def context(split, _own_name):
    data = dict(key_and_value(split, True) for _ in range(between(2, 4) if split == 'test' or chance() < .8 else between(5, 7)))
    forms = FACT_FORMS[:8] if split == 'test' else FACT_FORMS
    sentences = [choose(forms).replace('{k}', k).replace('{v}', str(v)) for k, v in data.items()]
    if split == 'train' and chance() < .2:
        sentences.insert(between(0, len(sentences)), choose(FILLERS) if chance() < .4 else text(3, 7).capitalize() + '.')
    wanted = choose(list(data))
    joined = dump(data) if split == 'train' and chance() < .06 else ('\n' if split == 'train' and chance() < .1 else ' ').join(sentences)
    if split == 'test' or chance() < .55:
        asked = phrase(CONTEXT, split)
    else:
        question = lambda: ask_for(['the {k}', 'the {k}', 'the {k} of the text', 'the {k} here'], CONTEXT, split, 0)
        asked = keep_apart(lambda: choose(CONTEXT_FRAMES).replace('{}', question()), CONTEXT[1])
    return asked.replace('{t}', joined).replace('{k}', wanted), f'The text gives the {wanted}.', f'The {wanted} is {data[wanted]}.'


def facts(split, _own_name):
    says, asks = choose(HELD_OUT_RELATIONS if split == 'test' else RELATIONS)
    people = list({person(): 1 for _ in range(between(2, 4))})
    things = [choose([word, Word, city] + [any_word] * (split == 'train'))() for _ in people]
    i = choose(range(len(people)))
    statements = [(says, p, v) for p, v in zip(people, things)]
    if split == 'train' and chance() < .3:      # other things are said too
        statements = [(says, p, v) if p == people[i] or chance() < .5 else (choose(RELATIONS)[0], p, v) for _, p, v in statements]
    told = ' '.join(s.replace('{p}', p).replace('{v}', v) + '.' for s, p, v in statements)
    question = asks.replace('{p}', people[i])
    if split == 'train':
        question = vary(question, True) if chance() < .3 else question
        frame = choose(['{t} {q}'] * 6 + ['{q} {t}'] * 2 + ['{t}\n{q}', 'Text: {t} {q}', 'Facts: {t} Question: {q}', 'Read: {t} {q}'])
    else:
        frame = '{t} {q}' if chance() < .8 else '{q} {t}'
    return frame.replace('{t}', told).replace('{q}', question), f'The text says it about {people[i]}.', says.replace('{p}', people[i]).replace('{v}', things[i]) + '.'


ORDINALS = [('first', 0), ('second', 1), ('third', 2), ('last', -1)]


def pick(split, _own_name):
    items = [choose([word(), word(), any_word(), Word()]) for _ in range(between(3, 5) if split == 'test' or chance() < .85 else 6)]
    ordinal, i = choose(ORDINALS) if split == 'test' or len(items) < 4 or chance() < .85 else ('fourth', 3)
    listed = ', '.join(items) if split == 'test' or chance() < .9 else ' '.join(items) if chance() < .5 else ', '.join(items[:-1]) + ' and ' + items[-1]
    counted = ', '.join(f'{n} {item}' for n, item in enumerate(items, 1))
    return ask_for(PICK_THINGS, PICK, split, .6).replace('{l}', listed).replace('{n}', ordinal), f'The user wants the {ordinal} item: {counted}.', items[i]


def story(split, _own_name):
    hero = f'{choose(COLORS)} {choose(ANIMALS)}'
    if split == 'train' and chance() < .45:
        hero = choose([words.real_word, lambda: f'{any_word()} {words.real_word()}', lambda: f'{any_word()} {choose(ANIMALS)}'])()
    asked = phrase(STORY, split).replace('{}', hero)
    if split == 'train' and chance() < .2:
        hero, asked = 'small robot', vary(expand('((Tell|Write|Give) (me |)(a|another|a short|a bedtime) story(.| please|!|)|A story(, please|).|I want a story.|story|Can you tell (me |)a story?)'))
    return (asked, f'The user wants a story about a {hero}.',
            f'Once upon a time there was a {hero}. The {hero} lived in a small house near the river. One day it found a little stone and was very happy. The end.')


def hard(split, _own_name):
    return fill_words(phrase(HARD, split)), 'This is too hard for me.', CANNOT


def chinese(split, own_name):
    kind = choose(['hi', 'hi', 'who', 'who', 'capital', 'capital', 'sum', 'name', 'echo', 'thanks', 'bye', 'hard'] + ['can', 'can', 'clock', 'clock', 'hard', 'hard', 'hard', 'hard', 'model'] * (split == 'train'))
    wide = lambda s: s.replace('!', choose('!！')).replace('?', choose('?？')).replace(',', choose(',，')).replace(':', choose(':：'))
    say = lambda s, **slots: wide(expand(s)) if not slots else wide(expand(s)).format(**slots)
    if kind == 'hi':
        return say('(你好|您好|嗨|早上好|你好吗|大家好|晚上好|你好啊|在吗|哈喽|早|下午好|有人吗|(你好|嗨|您好),(很高兴认识你|很高兴见到你|我是新来的|最近怎么样)|最近好吗|吃了吗)(!|?|。||)'), '用户打招呼。', '你好!有什么可以帮你的吗?'
    if kind == 'who':
        return say('(你是谁|你叫什么名字|请介绍一下你自己|介绍一下自己|你是什么模型|你是什么|你好,你是谁|请问你是谁|你是机器人吗)(?|。|)'), '用户问我是谁。', f'我是{own_name}。' if own_name else WHO_CHINESE
    if kind == 'capital':
        country = choose(list(CHINESE_CAPITALS))
        asked = say('({c}的首都是(哪里|什么|哪个城市|哪儿|哪)(?|)|(请告诉我|告诉我|请问){c}的首都(。|)|(请问|你知道){c}的首都是(哪里|什么|哪个城市)(吗|)(?|)|{c}首都(?|)|{c}的首都(?|))', c=country)
        return asked, f'用户问{country}的首都。', f'{country}的首都是{CHINESE_CAPITALS[country]}。'
    if kind == 'sum':
        a, b = between(0, 10), between(0, 10)
        return say('({a}(加|+){b}等于(几|多少)(?|)|{a}+{b}=?|请计算{a}加{b}|(请问|计算){a}(加|+){b})', a=a, b=b), f'用户要计算{a}+{b}。', f'{a} + {b} = {a + b}'
    if kind == 'name':
        name = person()
        return say('((你好,|)我叫{n}(。|)|我是{n}(。|)|我的名字是{n})', n=name), f'用户是{name}。', f'你好,{name}!有什么可以帮你的吗?'
    if kind == 'echo':
        material = hanzi(6) if chance() < .6 else word()
        return say('((请|)重复(:|一下:){w}|(请|)说:{w}|跟我说:{w}|请(写|输出):{w})', w=material), '我重复。', material
    if kind == 'bye':
        return say('(再见|拜拜|晚安|下次见)(!|。|)'), '用户告别。', '再见!'
    made = dict(can=natural.chinese_ability, clock=natural.chinese_clock, hard=natural.chinese_refused).get(kind)
    if made and (kind != 'hard' or split == 'train' and chance() < .75):
        asked, thought, answer = made()
        if kind == 'can' and chance() < .2:
            asked = choose(['你好,', '你好!', '请问,', '嗨,']) + asked
        return wide(asked), thought, answer
    if kind == 'model':
        return say('(你是{m}吗|你是不是{m}|这是{m}吗|你是(哪个|什么)模型|谁(开发|制造|创造)了你|你是真人吗|你是人吗)(?|)', m=choose(natural.OTHER_MODELS)), '用户问我是谁。', f'我是{own_name}。' if own_name else WHO_CHINESE
    if kind == 'hard':
        return say('(为什么天是蓝色的|请写一首诗|请解释量子力学|什么是人工智能|写一篇文章|帮我写代码|今天吃什么|什么是{w})(?|。|)', w=hanzi(3)), '这对我太难了。', CANNOT_CHINESE
    return say('(谢谢|多谢|谢谢你|非常感谢|谢谢啦)(!|。|)'), '用户感谢我。', '不客气!'


def untold(split, _own_name):
    """asks for a fact that was never told; the key is none that plain chats tell"""
    asked_for = key(split)
    while asked_for == 'name':
        asked_for = key(split)
    return ask_for(RECALL_THINGS, RECALL, split, .6).replace('{k}', asked_for), f'The user never told me the {asked_for}.', f'You have not told me your {asked_for}.'


SKILLS = dict(capital=capital, sum=arithmetic, intro=intro, hi=greet, who=who, thanks=thanks, bye=bye, echo=echo, json=json_object, context=context, pick=pick, facts=facts,
              story=story, idk=hard, zh=chinese, refused=natural.refused, ability=natural.ability, clock=natural.clock, joke=natural.joke, haiku=natural.haiku, ack=natural.acknowledged,
              times=natural.times, big_sum=natural.big_sum, untold=untold)
WEIGHTS = dict(capital=6, sum=11, intro=1.5, hi=3, who=3.5, thanks=1, bye=.7, echo=6, json=4, context=4, pick=5, facts=4, story=1, idk=4, zh=6, refused=11, ability=2.2, clock=2.5, joke=1.5, haiku=1,
               ack=1.5, times=4.5, big_sum=2, untold=.8)


def plain(split, skill, own_name=None):
    """-> (what the user says, thought, answer)"""
    return SKILLS[skill](split, own_name)
