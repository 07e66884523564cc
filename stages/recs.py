"""recs: model, splits and pictures -> recommendation lists for a sample of users, and a gallery."""

import _start  # noqa: F401  (src on the path, pins set before numpy loads)

from collections.abc import Callable

import pandas as pd

from fusionrec import files, params, runtime
from fusionrec.data.histories import LOG, Histories
from fusionrec.models import checkpoint
from fusionrec.recommend import gallery, lists


def card_maker(items: pd.DataFrame) -> Callable[[int, str], gallery.Card]:
    """Cards of items, with their pictures read from the shards."""
    manifest = files.read_table("data/images/manifest.parquet", ["status", "shard", "offset", "bytes"])
    titles = items["title"].tolist()
    rows = items.filter(like="category_").to_numpy()
    tags = [", ".join(value for values in row for value in values) for row in rows]

    def card(item: int, note: str) -> gallery.Card:
        note = " · ".join(part for part in (tags[item], note) if part)
        if manifest["status"].iloc[item] != "ok":
            return gallery.Card(titles[item], note, None)
        (picture,) = files.read_members("data/images", files.members(manifest.iloc[[item]]))
        return gallery.Card(titles[item], note, picture)

    return card


def main() -> None:
    p = params.load()
    items = files.read_table("data/splits/items.parquet")
    user_ids = files.read_table("data/splits/users.parquet")["user_id"].tolist()
    parts = ("train", "val", "test", "fold_in")
    log = pd.concat([files.read_table(f"data/splits/{part}.parquet", LOG) for part in parts])
    past = Histories.of(log, len(user_ids))
    users = lists.sample(len(user_ids), p.recs.users, p.recs.seed)
    model = checkpoint.load("data/model", runtime.device(p.runtime), items["item_id"].tolist())
    table = lists.recommend(model, users, past, p.recs.top_k, user_ids, items)

    by_user = {user_ids[user]: table[table["user_id"] == user_ids[user]] for user in users}
    ranked = [list(zip(rows["item"], rows["score"], strict=True)) for rows in by_user.values()]
    newest = [past[user][::-1][: p.recs.history].tolist() for user in users]
    shelves = gallery.shelves(list(by_user), newest, ranked, card_maker(items))
    table = table.drop(columns="item")
    with files.replacing_folder("data/recs") as folder:
        files.write_table(folder / "recommendations.parquet", table)
        records = {
            user: [
                {
                    "rank": int(r.rank),
                    "item_id": r.item_id,
                    "title": r.title,
                    "score": round(float(r.score), 6),
                }
                for r in rows.itertuples()
            ]
            for user, rows in by_user.items()
        }
        files.write_json(folder / "recommendations.json", records)
        files.write_text(folder / "gallery.html", gallery.page(shelves))
    print(f"{len(table):,} recommendations for {len(users):,} users: data/recs/gallery.html shows them")


if __name__ == "__main__":
    runtime.stage(main)
