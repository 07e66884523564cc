"""Number columns that were counted after the interactions: they leak what a model is asked to predict.

Only the names of columns are read, so this is a suspicion: the columns are refused until the user decides.
"""

import json
import re
from collections.abc import Collection
from datetime import UTC, datetime
from itertools import pairwise

from fusionrec.data.clean_options import Clean
from fusionrec.errors import UserError

# what people do with an item, and statistics of it
POPULARITY = (
    "barrage|bestseller|bookmark|bought|boxoffice|buyer|citation|click|coin|comment|conversion|ctr|danmaku|danmu|"
    "download|downvote|engagement|fav|fave|favou?rite|follow|follower|gross|helpful|hit|impression|install|"
    "interaction|like|listen|listener|play|popular|popularity|purchase|rank|ranking|rating|reaction|"
    "recommendation|reply|replie|repost|retweet|revenue|review|reviewer|sale|score|share|sold|star|stream|"
    "subscriber|subscription|thumbs?up|tomatometer|trending|upvote|view|viewer|visit|visitor|vote|voter|watch|"
    "watcher|wishlist"
)
GERMAN = (
    "aufruf|aufrufe|bekanntheit|beliebtheit|besucher|bestellungen|bewertung|bewertungen|käufe|kaeufe|kommentare|"
    "klick|klicks|rang|rezension|rezensionen|sterne|stimmen|umsatz|umsätze|umsaetze|verkäufe|verkaeufe|verkauft|"
    "verkaufszahl|verkaufszahlen|verkaufsrang|wunschliste|nutzerzahl|kundenzahl|käuferzahl|kaeuferzahl"
)
SPANISH = (
    "calificación|calificacion|calificaciones|clics|comentarios|compartidos|compras|comprado|comprados|descargas|"
    "estrellas|favoritos|ingresos|opiniones|pedidos|popularidad|puntuación|puntuacion|puntuaciones|reproducciones|"
    "reseñas|resenas|seguidores|valoración|valoracion|valoraciones|vendido|vendidos|ventas|visitas|vistas|votos|"
    "clientes|usuarios|compradores"
)
PEOPLE = "customer|fan|member|owner|reader|user"  # popularity only as a count
# what may surround it, without a gap: numvotes, viewcount, metascore, salesrank
BESIDE = (
    "anzahl|average|avg|count|durchschnitt|imdb|mean|meta|n|no|nr|num|number|numero|rank|rating|sales|schnitt|score|"
    "sum|total|user|zahl"
)
COUNTED = re.compile(
    rf"(?:{BESIDE})?(?:{POPULARITY}|{GERMAN}|{SPANISH})(?:s|d|ed)?(?:{BESIDE})?s?|(?:{PEOPLE})(?:s|s?count|s?number)"
)
# sale_price, age_rating, precio_ventas
INNOCENT = {
    "age", "content", "mpaa", "price", "size", "weight", "preis", "gewicht", "größe", "alter", "precio", "peso",
    "tamaño", "edad",
}  # fmt: skip
WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[^\W\d_A-Z]+")  # of snake_case and camelCase
DATE = re.compile(r"(?<!\d)((?:19|20)\d\d)[-_.]?(0[1-9]|1[0-2])?(?:[-_.]?[0-3]\d)?(?!\d)")


def check(columns: Collection[str], last_interaction: int, options: Clean) -> list[str]:
    """Which number columns to drop; refuses suspicious ones that the parameters do not mention.

    Args:
        columns: names of the number columns without prefix, such as "imdb_votes".
        last_interaction: time of the last interaction, in seconds since 1970.
        options: `known_later` and `known_before`, each a list of columns.

    Returns:
        `known_later`.

    Raises:
        UserError: for columns in neither list whose name sounds like popularity, or has a date after the last
            interaction; for names in a list that are not columns, or that are in both lists.
    """
    _check_names(columns, options)
    found = suspects(columns, last_interaction, options)
    if found:
        raise UserError(
            "these number columns look as if they were counted after the interactions, and would leak them: "
            f"{', '.join(f'{name} ({reason})' for name, reason in found.items())}.\n"
            f"Drop those that were counted later: -S 'clean.known_later={_write([*options.known_later, *found])}'\n"
            f"Keep those that were known before: "
            f"-S 'clean.known_before={_write([*options.known_before, *found])}'"
        )
    return list(options.known_later)


def suspects(columns: Collection[str], last_interaction: int, options: Clean) -> dict[str, str]:
    """The columns that the parameters do not mention, and whose name is suspicious: name -> what in it; see `check`."""
    decided = {*options.known_later, *options.known_before}
    found = {name: _suspicion(name, last_interaction) for name in columns if name not in decided}
    return {name: reason for name, reason in found.items() if reason}


def _check_names(columns: Collection[str], options: Clean) -> None:
    for parameter, names in (("known_later", options.known_later), ("known_before", options.known_before)):
        unknown = [name for name in names if name not in columns]
        if unknown:
            known = f"known: {', '.join(columns)}" if columns else "there are none"
            raise UserError(
                f"clean.{parameter}: no number column of the items: {', '.join(unknown)}; {known}"
            )
    both = [name for name in options.known_later if name in options.known_before]
    if both:
        raise UserError(f"in both clean.known_later and clean.known_before: {', '.join(both)}; keep one")


def _suspicion(name: str, last_interaction: int) -> str | None:
    """What in the name suggests that the number was counted after the interactions; None if nothing does."""
    last = datetime.fromtimestamp(last_interaction, UTC)
    for date in DATE.finditer(name):
        if (int(date[1]), int(date[2] or 1)) > (last.year, last.month):
            return f"{date[0]}, but the last interaction was in {last:%Y-%m}"
    words = [word.lower() for word in WORD.findall(name)]
    if INNOCENT.intersection(words):
        return None
    together = [first + second for first, second in pairwise(words)]  # box_office
    return next((word for word in [*words, *together] if COUNTED.fullmatch(word)), None)


def _write(names: list[str]) -> str:
    """A list as `dvc exp run -S` reads it: names that need quotes get them."""
    plain = re.compile(r"[A-Za-z_]\w*", re.ASCII)
    return f"[{','.join(n if plain.fullmatch(n) else json.dumps(n, ensure_ascii=False) for n in names)}]"
