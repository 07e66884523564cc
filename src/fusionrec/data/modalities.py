"""The modalities of items: the kinds of vectors that an item may have besides its id, numbers and categories."""

ENCODED = "vision", "language"  # their vectors come from encoders, or with the data
MODALITIES = (*ENCODED, "audio")  # the others' come with the data: `raw.vectors`
