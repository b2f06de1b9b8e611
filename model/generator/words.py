"""The material that chats are made of: made-up words to copy, a few real ones, and typed values."""
import random

choose, chance, between = random.choice, random.random, random.randint

ONSETS = 'b c d f g h j k l m n p r s t v w z br ch cl dr fl gr kr pl qu sh sl sp st th tr'.split()
VOWELS = 'a e i o u a e i o u ai ea ee oo ou y'.split()
CODAS = ['', '', ''] + 'b d g k l m n p r s t x nd ng rk st sh'.split()

NAMES = ('Anna Ben Carl Dora Emma Finn Gina Hugo Iris Jack Kate Liam Mia Noah Olga Paul Rosa Sam Tina Uma Alice Bob Maria Ivan Chen Omar Lucy '
         'Peter Eva Leo Ada Alan Grace Tom Jane Ali Wei Yuki Nina Max Zoe Luca Sofia Ravi Amir Erik Lena Marta David Sara').split()
CAPITALS = dict(
    France='Paris', Italy='Rome', Japan='Tokyo', Spain='Madrid', Germany='Berlin', China='Beijing', Egypt='Cairo', India='New Delhi',
    Russia='Moscow', Greece='Athens', Norway='Oslo', Sweden='Stockholm', Finland='Helsinki', Poland='Warsaw', Austria='Vienna',
    Portugal='Lisbon', Ireland='Dublin', Kenya='Nairobi', Peru='Lima', Chile='Santiago', Cuba='Havana', Turkey='Ankara', Canada='Ottawa',
    Mexico='Mexico City', Brazil='Brasilia', Hungary='Budapest', Belgium='Brussels', England='London', Denmark='Copenhagen', Australia='Canberra')
MORE_CAPITALS = {
    'the USA': 'Washington', 'the United States': 'Washington', 'the UK': 'London', 'the United Kingdom': 'London', 'the Netherlands': 'Amsterdam',
    'Switzerland': 'Bern', 'South Korea': 'Seoul', 'Argentina': 'Buenos Aires', 'Ukraine': 'Kyiv', 'Thailand': 'Bangkok', 'Vietnam': 'Hanoi',
    'Iceland': 'Reykjavik', 'Romania': 'Bucharest', 'Morocco': 'Rabat', 'Colombia': 'Bogota', 'Israel': 'Jerusalem'}
CHINESE_CAPITALS = dict(法国='巴黎', 日本='东京', 中国='北京', 英国='伦敦', 德国='柏林', 意大利='罗马', 西班牙='马德里', 俄罗斯='莫斯科')
CITIES = list(CAPITALS.values()) + ('Shanghai Sydney Boston Chicago Milan Lyon Osaka Seoul Delhi Kyoto Munich Porto Bergen Seattle Denver Dallas '
                                    'Hamburg Geneva Zurich Prague Venice Naples Mumbai Bangkok Singapore Toronto Amsterdam').split() + [
    'New York', 'San Francisco', 'Hong Kong', 'Los Angeles', 'Buenos Aires', 'Cape Town', 'Tel Aviv', 'Rio de Janeiro', 'Kuala Lumpur']
REGIONS = 'CA NY TX MA WA UK USA France Japan Germany China Italy'.split()
COMMON = ('red blue green old new big small happy cold warm good long short fast slow cat dog bird fish horse tree house car book table river school '
          'door garden music paper water milk bread apple stone light train the a my in on and with for is at to meeting lunch dinner party work home '
          'day week report plan team buy call read write open').split()
MORE_COMMON = ('able about above account across action active add address after again agent air all almost also amber always among anchor angle animal answer any arm '
               'army art ask autumn away baby back bad bag ball banana bank base basic basket beach bean bear because bed before begin bell below best better bicycle bill '
               'black board boat body bone bottle box boy brave break bridge bright brother brown build bus butter button cake camp candle capital carbon '
               'card care carrot case castle cell center chair chance change check cheese child church circle city class clean clear climb clock cloud '
               'coat code coffee coin color come common company copper copy corn corner cost cotton count country cow cream cross crowd cup cut dance dark data deep '
               'desk dirt doctor down draw dragon dream dress drive dry duck dust early earth east easy edge egg eight empty end engine error even evening '
               'event every eye face fact fall family far farm father feather field fire first five flag flat floor flower food foot forest four fox free '
               'fresh friend from front fruit full game gas gift girl give glass go gold grass great ground group guitar hair half hand hard hat heart heavy help '
               'hello high hill hold hole honey hope hot hotel hour ice idea inside iron island jacket job juice jump key king kitchen lake lamp land language large '
               'last late leaf learn left leg lemon letter level life line lion list little look love low lunch machine magic map mark market meat metal '
               'middle mind minute mirror model money monkey month moon morning mother mountain mouse mouth move name near night nine north nose note number ocean '
               'office oil one orange other out over page paint pair park part pass past path peace pen people pepper phone piano picture piece pilot pink place plane '
               'planet plant plate play point pool poor pot power price public pump purple queen question quick quiet rabbit radio rain rice rich right ring road rock roof '
               'room root rope rose round rule run salt sand sea seat second secret seed seven shape sharp sheep ship shirt shoe shop side silver simple '
               'sister six size skin sky sleep smile smoke snow soap soft song soup south space spoon spring square stair star start station steel storm '
               'story street strong sugar summer sun sweet system table tail tall tea teacher test text thick thin thing this three ticket time tiny tomato tool '
               'tower town toy travel trip truck true two under unit up user valley value very village violin voice wall want war watch wave way west wet wheel white '
               'who wide wild wind window winter wire wolf woman wood wool word world yellow yes young zebra zero zone').split()
COLORS = 'red blue green yellow black white orange purple pink grey'.split()
ANIMALS = 'cat dog bird fish horse cow lion frog fox bear mouse duck'.split()
SKIES = 'sunny rainy cloudy windy snowy foggy clear'.split()
HANZI = '天地人山水火木日月大小上下中国你我他好红蓝猫狗书花海春秋'


def syllable():
    return choose(ONSETS) + choose(VOWELS) + (choose(CODAS) if chance() < .6 else '')


def word():
    return ''.join(syllable() for _ in range(choose([1, 2, 2, 2, 3])))


def Word():
    return word().capitalize()


def real_word():
    return choose(MORE_COMMON) if chance() < .7 else choose(COMMON)


def any_word():
    return real_word() if chance() < .5 else word()


def person():
    return choose(NAMES) if chance() < .35 else Word()


def full_person():
    return f'{person()} {Word()}' if chance() < .15 else person()


def city():
    return choose(CITIES) if chance() < .4 else Word() + (' ' + Word() if chance() < .15 else '')


def place():
    return f'{city()}, {choose(REGIONS)}' if chance() < .12 else city()


def text(low=1, high=5):
    return ' '.join(any_word() for _ in range(between(low, high)))


def number():
    kind = chance()
    return between(0, 9) if kind < .3 else between(10, 99) if kind < .9 else between(100, 9999)


def decimal():
    return number() if chance() < .6 else round(between(1, 999) / 10, 1)


def date():
    return f'20{between(10, 39)}-{between(1, 12):02d}-{between(1, 28):02d}'


def clock():
    return f'{between(0, 23):02d}:{between(0, 59):02d}'


def email():
    return f'{any_word()}@{any_word()}.{choose(["com", "org", "net"])}'


def path():
    folder = choose(['', '', '', f'{any_word()}/', f'/{any_word()}/', 'src/'])
    return f'{folder}{any_word()}.{choose(["txt", "pdf", "md", "py", "json", "csv", "ts"])}'


def code():
    return ''.join(choose('ABCDEFGHKLMNPRSTVXZ') for _ in range(between(1, 3))) + str(number())


def ticker():
    return ''.join(choose('ABCDEFGHIJKLMNOPQRSTUVWXYZ') for _ in range(between(2, 5)))


def url():
    return f'https://{any_word()}.{choose(["com", "org", "net", "io"])}' + (f'/{any_word()}' if chance() < .5 else '')


def expression():
    return f'{between(1, 999)} {choose("+-*/")} {between(2, 99)}'


def command():
    return choose(['ls', 'ls -la', 'pwd', 'git status', 'npm test', 'date', 'whoami', f'cat {path()}', f'echo {any_word()}', f'cd {any_word()}', f'rm {path()}',
                   f'mkdir {any_word()}', f'python3 {any_word()}.py', f'grep {any_word()} {path()}'])


def word_list():
    return [any_word() for _ in range(between(2, 3))]


VALUES = dict(name=person, city=city, place=place, word=any_word, text=lambda: text(1, 4), int=number, num=decimal, date=date, time=clock, email=email, path=path,
              code=code, ticker=ticker, url=url, expression=expression, command=command, bool=lambda: chance() < .5, list=word_list, Word=Word, person=full_person)
TYPES = dict(int='integer', num='number', bool='boolean', list='array')


def value(kind):
    return VALUES[kind]()
