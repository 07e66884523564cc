"""FusionRec: the library behind the stages. See README.md for the map."""
