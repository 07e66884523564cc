"""recs: model, splits and pictures -> recommendation lists, and a gallery that shows some of them.

Reads: data/model, data/splits, data/images (for the gallery).
Writes: data/recs: recommendations.parquet, and for the first users recommendations.json and gallery.html.
Parameters: recs, rerank, runtime.
`fusionrec recommend` makes lists for other users with the same model.
"""

import _start  # noqa: F401  (src on the path, pins set before numpy loads)

from fusionrec import files, params, runtime
from fusionrec.recommend import engine, gallery_cards, requests, writing
from fusionrec.recommend.recs_options import Recs
from fusionrec.recommend.rerank_options import Rerank
from fusionrec.runtime import Runtime

OUT = "data/recs"
TABLE = "recommendations.parquet"


def main() -> str:
    runtime.parser(__doc__).parse_args()
    options, rerank, computing = params.load(Recs), params.load(Rerank), params.load(Runtime)
    device = runtime.device(computing)
    recommender = engine.load("data/model", "data/splits", device)
    users = requests.choose(options.users, recommender.split.user_ids, options.seed)
    requested = recommender.requests(users)
    rules = recommender.rules(
        options.top_k, rerank, options.filter_seen, options.exclude, options.category_limits
    )
    tables = recommender.tables(requested, rules, runtime.threads(computing, device))
    with files.replacing_folder(OUT) as folder:
        rows = files.write_row_groups(
            folder / TABLE, engine.SCHEMA, writing.watched(tables, len(requested.ids))
        )
        shown = writing.rows_of(folder / TABLE, requested.ids[: options.gallery])
        files.write_json(folder / "recommendations.json", writing.records(shown))
        page = gallery_cards.page(recommender, requested, shown, options.gallery, options.history)
        files.write_text(folder / "gallery.html", page)
    print(f"{rows:,} recommendations for {len(requested.ids):,} users")
    return OUT


if __name__ == "__main__":
    runtime.stage(main)
