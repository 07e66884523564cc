"""Columns that were counted after the interactions are refused by their names until the user decides."""

import re
from datetime import UTC, datetime

import pytest
from hydra.core.override_parser.overrides_parser import OverridesParser
from hypothesis import example, given
from hypothesis import strategies as st

from fusionrec.data import leaking_columns
from fusionrec.data.clean_options import Clean
from fusionrec.errors import UserError

LAST = int(datetime(1998, 4, 22, tzinfo=UTC).timestamp())
POPULARITY = """
view_number comment_number thumbup_number share_number coin_number favorite_number barrage_number
imdb_votes imdb_rating metascore average_rating rating_number helpful_vote viewCount IMDbVotes
numVotes numvotes nratings viewcount reviewCOUNT LIKES salesRank salesrank popularity vote_average
box_office revenue downloads plays rank score user_count num_users fans times_viewed thumbs_up
favourites bought_in_past_month best_seller numberOfReviews average-rating view.count totalSales
replies clicks
Bewertung anzahl_bewertungen AnzahlBewertungen Bewertungsdurchschnitt Verkäufe verkaeufe verkaufsrang Umsatz
Aufrufe Klicks Klickzahl Kundenzahl Beliebtheit
ventas unidades_vendidas_ventas num_valoraciones valoración numero_de_votos Popularidad reseñas visitas puntuacion
"""
ATTRIBUTES = """
price year release_year runtime_min page_count word_count episode_number number_of_pages weight
gross_weight sale_price wholesale_price age_rating display_size players min_players start_year
discount account country duration_ms tempo operating_temperature preview_length overview user_age
likelihood width 高さ 2
Preis Verkaufspreis Seitenzahl anzahl_seiten Anzahl_Teile Gewicht Erscheinungsjahr Absatzhöhe Rangierhilfe
precio precio_ventas año paginas num_paginas peso vista_previa rango_edad duracion_media
"""


def options(later: list[str] | None = None, before: list[str] | None = None) -> Clean:
    return Clean(
        separators=[],
        strip_html=True,
        fix_mojibake=True,
        unicode="NFKC",
        lowercase=True,
        text=["{title}"],
        known_later=later or [],
        known_before=before or [],
        min_rating=None,
        min_user_interactions=0,
        min_item_interactions=0,
    )


def refused(*columns: str, last: int = LAST) -> bool:
    try:
        return leaking_columns.check(columns, last, options()) != []
    except UserError:
        return True


@pytest.mark.parametrize("name", POPULARITY.split())
def test_popularity_is_refused(name: str) -> None:
    assert refused(name)


@pytest.mark.parametrize("name", ATTRIBUTES.split())
def test_attributes_are_not_refused(name: str) -> None:
    assert leaking_columns.check([name], LAST, options()) == []


@pytest.mark.parametrize(
    "name", ["stock_1999", "stock1999", "stock_199805", "stock-1998-05", "stock_1998_05_01", "2020"]
)
def test_dates_after_the_last_interaction_are_refused(name: str) -> None:
    assert refused(name)
    assert not refused(name, last=int(datetime(2021, 1, 1, tzinfo=UTC).timestamp()))


@pytest.mark.parametrize(
    "name", ["stock_1998", "stock_1998_04", "stock_1997_12", "pixels_1080", "code_120201", "stock"]
)
def test_dates_until_the_last_interaction_are_not_refused(name: str) -> None:
    assert not refused(name)


def test_the_message_lists_all_and_both_remedies() -> None:
    columns = ["imdb_votes", "year", "stock 2020", "price", "likes"]
    with pytest.raises(UserError) as caught:
        leaking_columns.check(columns, LAST, options(later=["likes"], before=["price"]))
    message = str(caught.value)
    assert "imdb_votes (votes), stock 2020 (2020, but the last interaction was in 1998-04)." in message
    assert """-S 'clean.known_later=[likes,imdb_votes,"stock 2020"]'""" in message
    assert """-S 'clean.known_before=[price,imdb_votes,"stock 2020"]'""" in message


def test_dvc_reads_the_remedies() -> None:
    names = ["votes", "a likes", "2020", "Göße_rating", "x,rank", "likes]"]
    with pytest.raises(UserError) as caught:
        leaking_columns.check(names, LAST, options())
    for override in re.findall("-S '(.*)'", str(caught.value)):
        read = OverridesParser.create().parse_override(override).value()
        assert isinstance(read, list) and [str(name) for name in read] == names


def test_decided_columns_are_dropped_or_kept() -> None:
    assert leaking_columns.check(["likes", "votes", "year"], LAST, options(["likes", "year"], ["votes"])) == [
        "likes",
        "year",
    ]
    assert leaking_columns.check([], LAST, options()) == []


def test_names_that_are_no_columns_are_errors() -> None:
    with pytest.raises(
        UserError, match=r"clean\.known_later: no number column of the items: vote; known: votes, year"
    ):
        leaking_columns.check(["votes", "year"], LAST, options(later=["vote"]))
    with pytest.raises(UserError, match=r"clean\.known_before: .*: vote; there are none"):
        leaking_columns.check([], LAST, options(before=["vote"]))
    with pytest.raises(UserError, match=r"in both clean\.known_later and clean\.known_before: votes"):
        leaking_columns.check(["votes"], LAST, options(["votes"], ["votes"]))


@given(st.lists(st.text(min_size=1), unique=True))
@example(["votes", "2020"])
def test_what_the_message_says_settles_it(columns: list[str]) -> None:
    try:
        assert leaking_columns.check(columns, LAST, options()) == []
    except UserError as error:
        first = re.match(r"these number columns .*: ", str(error))
        assert first
        assert leaking_columns.check(columns, LAST, options(later=columns)) == columns
        assert leaking_columns.check(columns, LAST, options(before=columns)) == []
