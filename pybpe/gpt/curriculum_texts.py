"""The questions and answers of the curriculum, as templates, and the list of its real words.

In a template, {letter} is a letter, {word} a word, {first} and {second} are numbers, and {result} is the output of the
Python code. Where there is a result, the answer ends with it.
"""

from __future__ import annotations

COUNT_QUESTIONS = (
    "How many {letter} are in {word}?",
    "How many {letter} are there in {word}?",
    "How many times does {letter} occur in {word}?",
    "How often does {letter} appear in {word}?",
    "How many {letter}s does {word} contain?",
    "How many letters {letter} does {word} have?",
    "How many of the letters of {word} are {letter}?",
    "Count the {letter} in {word}.",
    "Count the letter {letter} in {word}.",
    "Count every {letter} that you see in {word}.",
    "What is the number of {letter} in {word}?",
    "What is the count of {letter} in {word}?",
    "In {word}, how many {letter} are there?",
    "{word}: how many {letter}?",
    "Tell me how many {letter} {word} has.",
    "Tell me the number of times {letter} is in {word}.",
    "I need the number of letters {letter} in {word}.",
    "Find out how often {word} contains the letter {letter}.",
    "Look at {word} and count each {letter}.",
    "Does {word} have the letter {letter}, and how often?",
    "The word is {word}. How many {letter} does it have?",
    "number of {letter} in {word}",
)
COUNT_QUESTIONS_HELD_OUT = (
    "How many times can you find {letter} in {word}?",
    "Say how often the letter {letter} is in {word}.",
    "Count how many {letter} there are in {word}.",
    "What is the count of the letter {letter} in {word}?",
    "Of the letters in {word}, how many are {letter}?",
    "I want to know how many {letter} {word} contains.",
)
COUNT_ANSWERS = (
    "The number of {letter} in '{word}' is {result}",
    "'{word}' has this many {letter}: {result}",
    "I counted {result}",
)

SUM_QUESTIONS = (
    "What is {first} + {second}?",
    "What is {first} plus {second}?",
    "What is the sum of {first} and {second}?",
    "What do I get if I add {first} and {second}?",
    "How much is {first} + {second}?",
    "How much are {first} and {second} together?",
    "{first} + {second} = ?",
    "{first}+{second}",
    "Add {first} and {second}.",
    "Calculate {first} + {second}.",
    "Compute the sum of {first} and {second}.",
    "Tell me the result of {first} plus {second}.",
    "The sum of {first} and {second} is what?",
    "I have {first} apples and get {second} more. How many do I have?",
    "One box holds {first} coins and another {second}. How many are there?",
    "Work out {first} plus {second} for me.",
)
SUM_QUESTIONS_HELD_OUT = (
    "How much is {first} plus {second}?",
    "Find the sum of {first} and {second}.",
    "What do {first} and {second} add up to?",
    "Tell me what {first} + {second} is.",
    "Add up {first} and {second} for me.",
    "I have {first} coins and find {second} more. How many coins are there?",
)
SUM_ANSWERS = ("{first} + {second} is {result}", "The sum is {result}", "That makes {result}")

SPELLING_QUESTIONS = (
    "Spell {word}.",
    "How do you spell {word}?",
    "How is {word} spelled?",
    "Write {word} letter by letter.",
    "What are the letters of {word}?",
)

# Questions about the model itself, and greetings: (questions, answer).
PERSONA = (
    (
        ("Hi", "Hello", "Hello!", "Hi there!", "Hey", "Good morning.", "Good evening."),
        "Hello! I am Pair. What can I do?",
    ),
    (
        ("What is your name?", "Who are you?", "Tell me your name.", "What are you called?", "Do you have a name?"),
        "My name is Pair.",
    ),
    (
        ("What are you?", "Are you a human?", "Are you a machine?", "Tell me about yourself.", "Are you a computer?"),
        "I am a small language model that was trained on this computer.",
    ),
    (
        ("Who made you?", "Who trained you?", "Where do you come from?", "How were you made?"),
        "pybpe trained me, first on text and then on conversations.",
    ),
    (
        ("What can you do?", "Help", "How can you help me?", "What do you know?", "What should I ask you?"),
        "I count letters and add numbers with Python, and I spell words.",
    ),
    (
        ("How do you count?", "How do you add numbers?", "Do you know Python?", "Can you run code?"),
        "I write Python code, it is run, and I read the output.",
    ),
    (("How are you?", "How are you today?", "Are you well?"), "I am well, thank you. And you?"),
    (("Thanks", "Thank you!", "Thank you very much.", "Well done!"), "You are welcome."),
    (("Bye", "Goodbye!", "See you later.", "Good night."), "Goodbye!"),
)
# Questions about a word that the model cannot answer, and what it says then.
UNKNOWN_QUESTIONS = (
    "What does {word} mean?",
    "Tell me a story about {word}.",
    "Write a poem about {word}.",
    "Do you like {word}?",
    "Where can I find {word}?",
    "Why is {word} so important?",
)
UNKNOWN_ANSWER = "I have not learned that. I can count letters, add numbers and spell."

GREETINGS = ("Hi! ", "Hello. ", "Please help me. ", "Another question: ")

_WORD_LIST = """
strawberry apple banana orange cherry peach plum grape lemon melon mango papaya apricot blueberry raspberry
blackberry cranberry coconut pineapple walnut almond peanut hazelnut chestnut raisin tomato potato carrot onion
garlic pepper pumpkin cucumber cabbage lettuce spinach broccoli celery radish turnip parsley basil ginger
cinnamon vanilla mustard vinegar butter cheese yogurt cream bread biscuit pancake waffle noodle dumpling
sandwich omelette pudding cookie chocolate caramel honey sugar coffee lemonade breakfast dinner supper kitchen
kettle bottle saucer spoon teapot napkin table chair sofa cupboard drawer mirror curtain carpet blanket pillow
mattress lantern candle window ceiling chimney staircase balcony cellar garage garden fence hedge gravel bucket
shovel ladder hammer screwdriver pliers wrench chisel needle thread button zipper pocket collar sleeve jacket
sweater trousers mitten scarf slipper sandal necklace bracelet umbrella suitcase backpack wallet ticket passport
calendar envelope stamp letter postcard pencil eraser ruler scissors notebook paper folder library dictionary
alphabet sentence paragraph grammar vowel consonant syllable comma question answer lesson teacher student school
college history geography mathematics algebra geometry triangle rectangle circle sphere pyramid cylinder number
fraction decimal percent addition balance measure kilometre minute second hour morning evening midnight
yesterday tomorrow january february september october november december summer winter spring autumn season
weather thunder lightning rainbow blizzard drizzle breeze hurricane temperature thermometer climate mountain
valley glacier volcano canyon desert prairie meadow forest jungle swamp island peninsula continent ocean harbor
lagoon waterfall river stream puddle pebble boulder granite marble crystal diamond emerald sapphire copper
silver platinum mercury hydrogen oxygen nitrogen carbon helium uranium molecule electron proton gravity magnet
battery planet comet meteor galaxy universe telescope satellite rocket astronaut eclipse horizon elephant
giraffe zebra hippopotamus rhinoceros leopard panther gorilla chimpanzee kangaroo koala squirrel chipmunk
raccoon hedgehog badger rabbit hamster guinea donkey buffalo antelope reindeer caribou camel llama sheep goat
chicken turkey pigeon sparrow swallow robin woodpecker parrot flamingo penguin pelican ostrich vulture eagle
falcon owl crocodile alligator lizard tortoise turtle salamander tadpole dolphin porpoise octopus lobster shrimp
oyster jellyfish starfish salmon herring mackerel sardine butterfly caterpillar grasshopper cricket beetle
ladybug mosquito dragonfly spider scorpion earthworm snail feather whisker antenna shoulder elbow finger thumb
stomach ankle muscle skeleton eyebrow nostril forehead tongue throat heart kidney doctor nurse surgeon dentist
pharmacist bandage medicine vitamin hospital engineer carpenter plumber electrician architect mechanic farmer
shepherd fisherman sailor captain pilot conductor driver painter sculptor musician violinist drummer composer
orchestra symphony melody rhythm trumpet clarinet saxophone guitar piano accordion harmonica theater actress
dancer ballet cinema camera photograph gallery museum monument statue cathedral castle palace tower bridge
tunnel railway station platform carriage bicycle motorcycle automobile tractor ambulance helicopter airplane
airport runway submarine sailboat lighthouse anchor compass voyage journey traveler village suburb district
county province capital country republic kingdom emperor princess parliament president minister mayor council
election democracy justice lawyer witness evidence prison police soldier general admiral army treasure fortune
bargain market merchant customer business company factory industry machine engine turbine generator computer
keyboard monitor printer program function variable integer string boolean parameter argument operator expression
statement iterator generic module package compiler interpreter debugger algorithm recursion sequence database
network server browser protocol password message channel signal memory processor register buffer pointer vector
matrix tensor gradient tokenizer language vocabulary mississippi tennessee massachusetts connecticut
philadelphia minnesota colorado alabama hawaii alaska oregon nebraska virginia canada mexico brazil argentina
venezuela colombia ecuador bolivia paraguay uruguay portugal spain france belgium netherlands germany austria
switzerland italy greece bulgaria romania hungary poland sweden norway finland denmark iceland ireland scotland
england russia egypt morocco algeria tunisia nigeria ethiopia kenya tanzania zimbabwe botswana namibia
madagascar india pakistan bangladesh nepal china mongolia korea japan vietnam thailand cambodia malaysia
singapore indonesia philippines australia zealand happy cheerful grateful generous gentle patient honest curious
clever brave careful nervous angry hungry thirsty sleepy lonely famous popular strange peculiar ordinary simple
difficult possible necessary important excellent wonderful beautiful terrible horrible dangerous delicious
expensive valuable useful useless broken hollow narrow shallow yellow purple crimson scarlet violet turquoise
golden pretty little bigger smaller tallest fastest slowly quickly quietly suddenly usually perhaps together
forever always never sometimes whisper shout laugh giggle chatter mumble stutter wander gallop tumble stumble
scramble struggle wrestle juggle follow gather collect deliver discover recover remember forget imagine believe
understand explain describe compare consider decide choose prefer promise pretend practice improve prepare
repair replace restore borrow lend return receive provide protect prevent permit forbid arrive depart travel
explore escape hesitate hurry linger appear vanish address accommodate committee success access assess possess
process progress bookkeeper balloon cocoon mushroom classroom bathroom bedroom moonlight sunflower buttercup
daffodil dandelion lavender marigold orchid tulip violin maple willow juniper cypress eucalyptus bamboo cactus
clover seaweed blossom petal pollen acorn orchard vineyard pasture harvest wheat barley cotton linen velvet
leather rubber plastic cement concrete timber plywood pressure friction velocity momentum energy particle
wavelength spectrum frequency laboratory experiment hypothesis theory discovery invention scientist biology
chemistry physics literature poetry novel chapter author publisher newspaper magazine journal reporter editor
headline interview television radio telephone microphone speaker concert festival carnival parade holiday
birthday wedding anniversary celebration ceremony tradition neighbor stranger friend cousin nephew niece
grandmother grandfather daughter brother sister parent husband infant toddler teenager adult football baseball
basketball tennis volleyball badminton hockey swimming wrestling gymnastics marathon athlete champion trophy
medal stadium referee umpire whistle puzzle riddle dominoes checkers chess marbles puppet kite scooter
skateboard
"""
WORDS = tuple(_WORD_LIST.split())
