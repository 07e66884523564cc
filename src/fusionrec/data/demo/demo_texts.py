"""The texts of the generated catalogue: a small grammar that expresses theme, mood and hour in many ways."""

from typing import NamedTuple

import numpy as np


class Words(NamedTuple):
    """What a trait value adds to a title, and sentences that express it; no two use the same words."""

    title: list[str]
    sentences: list[str]


THEMES = {
    "harbour": Words(
        ["Harbour", "Lighthouse", "Regatta", "Fishing Village", "Tide", "Pier"],
        [
            "Small boats rock against the quay while gulls circle the masts.",
            "Salt, rope and tar: a day among sailors and their nets.",
            "A beacon on the cliff guides trawlers home over the swell.",
            "Someone has left their oars on the jetty at low water.",
            "Ferries come and go, and the coast keeps its old rhythm.",
        ],
    ),
    "woodland": Words(
        ["Forest", "Grove", "Clearing", "Birches", "Undergrowth", "Old Oak"],
        [
            "Moss covers the trunks where a fox has made its den.",
            "Between ferns and mushrooms a narrow path loses itself.",
            "An owl listens from the highest branch of an ancient beech.",
            "Deer step out from the pines to drink at the brook.",
            "Acorns, bark and fallen twigs: everything a hedgehog could want.",
        ],
    ),
    "metropolis": Words(
        ["City", "Boulevard", "Rooftops", "Crosswalk", "Neighbourhood", "Avenue"],
        [
            "Taxis and trams weave through crowds of commuters.",
            "From the top floor, the traffic below looks like a river.",
            "A corner café, a newspaper stand, neighbours on the stairs.",
            "Neon signs and fire escapes climb up the brick facades.",
            "Pedestrians hurry across the square towards the subway.",
        ],
    ),
    "cosmos": Words(
        ["Orbit", "Nebula", "Comet", "Observatory", "Galaxy", "Moon Base"],
        [
            "An astronaut drifts far from any planet, tethered by a single line.",
            "Through the telescope, Saturn tilts its rings towards us.",
            "A rocket leaves the launch pad for worlds not yet named.",
            "Meteors cross the constellations that old astronomers drew.",
            "Satellites trace thin arcs around a turning globe.",
        ],
    ),
    "music": Words(
        ["Melody", "Nocturne", "Jazz Club", "Orchestra", "Refrain", "Serenade"],
        [
            "A trumpet answers the double bass, and the drummer smiles.",
            "The pianist plays the last bars again, more slowly.",
            "Vinyl crackles, the needle settles, a singer takes a breath.",
            "Violins tune up while the conductor turns the score.",
            "You can almost hear the saxophone behind the stage door.",
        ],
    ),
    "kitchen": Words(
        ["Bakery", "Breakfast", "Market Stall", "Spice Rack", "Orchard Supper", "Tea Room"],
        [
            "Fresh bread cools on the counter next to a jar of honey.",
            "Lemons, basil and olive oil wait for the cook.",
            "A kettle sings, and somebody slices a warm apple pie.",
            "Grandmother's soup simmers beside a bowl of ripe tomatoes.",
            "Peppercorns, cinnamon and saffron in hand-labelled tins.",
        ],
    ),
    "legend": Words(
        ["Dragon", "Oracle", "Enchanted Gate", "Minotaur", "Phoenix", "Fable"],
        [
            "A hero returns with the golden fleece over one shoulder.",
            "The sphinx asks a riddle that no traveller has solved.",
            "Giants once slept here, or so the bards would have it.",
            "A winged horse lands where gods used to quarrel.",
            "The sorceress folds her spell into a paper bird.",
        ],
    ),
    "machines": Words(
        ["Engine", "Clockwork", "Workshop", "Turbine", "Blueprint", "Foundry"],
        [
            "Cogs and pistons interlock like the movement of a watch.",
            "An engineer oils the gears before the boiler is lit.",
            "Levers, valves and copper pipes, drawn to scale.",
            "Robots assemble themselves along a humming conveyor belt.",
            "Steam hisses from rivets as the flywheel gathers speed.",
        ],
    ),
    "voyage": Words(
        ["Night Train", "Passport", "Caravan", "Expedition", "Balloon Ride", "Border Crossing"],
        [
            "The locomotive climbs the pass with all its windows lit.",
            "A suitcase full of stamps and a map with torn corners.",
            "Camels carry tents and carpets across the dunes.",
            "Backpackers compare timetables on an empty platform.",
            "From the basket, the valley unfolds like an atlas.",
        ],
    ),
    "games": Words(
        ["Chess Match", "Marathon", "Penalty Kick", "Carousel", "Playground", "Relay"],
        [
            "A bishop threatens the queen and the clock is ticking.",
            "Runners lean into the last bend before the finish line.",
            "The goalkeeper guesses left; the stadium holds still.",
            "Dice roll, pawns advance, somebody demands a rematch.",
            "Cyclists pass the trophy stand in a blur of jerseys.",
        ],
    ),
}
MOODS = {
    "calm": Words(
        ["Quiet", "Still", "Gentle", "Slow"],
        [
            "It slows the breath and asks for nothing.",
            "A serene piece for anyone who needs some peace.",
            "Everything is hushed and at rest.",
            "Made for unhurried, tranquil moments.",
        ],
    ),
    "playful": Words(
        ["Merry", "Giddy", "Cheeky", "Bouncing"],
        [
            "It makes children giggle and adults grin.",
            "A mischievous wink in every corner.",
            "Silly in the best sense, and full of fun.",
            "Nothing here takes itself seriously.",
        ],
    ),
    "wistful": Words(
        ["Lonely", "Wistful", "Fading", "Lost"],
        [
            "There is a sadness in it that one grows fond of.",
            "For those who miss somebody far away.",
            "A melancholy farewell, tenderly put.",
            "It remembers what will not come back.",
        ],
    ),
    "bold": Words(
        ["Mighty", "Fearless", "Roaring", "Daring"],
        [
            "Loud, confident and impossible to overlook.",
            "It shouts across the room and means it.",
            "A fierce statement without any apology.",
            "Strong nerves and courage recommended.",
        ],
    ),
    "mysterious": Words(
        ["Hidden", "Secret", "Veiled", "Strange"],
        [
            "Look twice: something unexplained is going on.",
            "It keeps its riddle to itself.",
            "An uncanny scene whose ending nobody tells.",
            "Whoever stands before it starts to whisper and wonder.",
        ],
    ),
    "nostalgic": Words(
        ["Bygone", "Vintage", "Remembered", "Childhood"],
        [
            "Like a postcard from your grandparents' attic.",
            "It brings back summers of long ago.",
            "A retro tribute to the good old days.",
            "As it used to be when we were small.",
        ],
    ),
    "romantic": Words(
        ["Tender", "Beloved", "Dreaming", "Whispered"],
        [
            "A declaration of love, barely disguised.",
            "Two hearts would recognise themselves at once.",
            "Given to sweethearts and kept for life.",
            "It blushes a little, as lovers do.",
        ],
    ),
    "orderly": Words(
        ["Measured", "Exact", "Plain", "Balanced"],
        [
            "Nothing superfluous: each element has its reason.",
            "Precise, sober and strictly composed.",
            "A minimalist exercise in proportion.",
            "Clean logic for people who like things tidy.",
        ],
    ),
}
HOURS = {
    "dusk": Words(
        ["at Dusk", "at Sundown", "in the Evening"],
        [
            "The sun has just gone down.",
            "Twilight lingers, and the first lamps come on.",
            "It is the hour when the day lets go.",
        ],
    ),
    "noon": Words(
        ["at Noon", "at Midday", "in Broad Daylight"],
        [
            "It is the middle of the day and shadows are short.",
            "Lunch bells ring under a high, bright sky.",
            "The sun stands at its zenith.",
        ],
    ),
    "night": Words(
        ["at Night", "at Midnight", "after Dark"],
        [
            "Everyone else has long been asleep.",
            "The clock strikes twelve and stars are out.",
            "Only moonlight shows the way.",
        ],
    ),
    "dawn": Words(
        ["at Dawn", "at Daybreak", "before Breakfast"],
        [
            "The morning has only begun.",
            "Dew, a pale horizon, the first birds.",
            "It is early, and the world wakes up.",
        ],
    ),
}
TITLES = [
    "{mood} {theme} {hour}",
    "{theme} {hour}",
    "The {mood} {theme}",
    "{mood} {theme}",
    "{theme}, {hour}",
]
NEUTRAL = [
    "Printed on heavy cotton paper.",
    "Comes rolled in a sturdy tube.",
    "Signed on the back.",
    "Looks well in a simple frame.",
    "Colours may differ slightly from your screen.",
    "Each sheet is checked by hand.",
]


class Text(NamedTuple):
    """A title and a description."""

    title: str
    description: str


def write(rng: np.random.Generator, theme: str, mood: str, hour: str) -> Text:
    """A title and a description of 20 to 45 words; what the traits do not decide is drawn from `rng`."""

    def pick(options: list[str]) -> str:
        return options[rng.integers(len(options))]

    words = {"theme": THEMES[theme], "mood": MOODS[mood], "hour": HOURS[hour]}
    title = pick(TITLES).format(**{name: pick(part.title) for name, part in words.items()})
    sentences = [pick(part.sentences) for part in words.values()]
    order = rng.permutation(len(sentences))
    return Text(title, " ".join([*(sentences[i] for i in order), pick(NEUTRAL)]))
