"""Language models give the vectors that transformers computes for each text alone, or one clear error."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import torch
import transformers

from fusionrec import files, sections
from fusionrec.encoders import language, untrained, weights
from fusionrec.encoders.options import Cache, EncoderEntry
from fusionrec.errors import UserError

from .incomplete import Change, Incomplete, write_changed

CPU = torch.device("cpu")
ENCODERS = sections.load(Path(__file__).resolve().parents[2] / "params.yaml").encoders
NAMES = ["sentence-bert", "mpnet", "bert", "roberta", "clip"]  # whose forward passes are written out below
Saved = Callable[[str], tuple[Path, Any]]
Entry = Callable[..., EncoderEntry]
Options = Callable[..., Cache]
SENTENCES = [
    "Red fish swims",
    "Blue bird, 1999!",
    "a green bird flies; the red fish swims & eats a blue fish",
    "x",
]


@torch.inference_mode()
def plain(name: str, folder: Path, text: str) -> torch.Tensor:
    """A forward pass of one text, without padding, as the model's card describes it."""
    tokens = transformers.AutoTokenizer.from_pretrained(folder)(text, return_tensors="pt")
    model: Any = transformers.AutoModel.from_pretrained(folder).eval()
    if name == "clip":
        return model.text_projection(model.text_model(**tokens).pooler_output)[0]
    mean = model(**tokens).last_hidden_state[0].mean(0)
    return mean / mean.norm() if name in ("sentence-bert", "mpnet") else mean


@pytest.mark.parametrize("name", NAMES)
def test_the_registrys_encoders_agree_with_a_plain_forward_pass(
    name: str, tmp_path: Path, options: Options
) -> None:
    entry = ENCODERS.language[name]
    assert entry is not None and entry.untrained is not None
    untrained.write(entry.untrained, tmp_path / name)
    local = ENCODERS.model_copy(update={"weights": "local", "folder": str(tmp_path)})
    folder = weights.locate(name, entry, local)
    encoder = language.load(folder, entry, options(), CPU)
    found = encoder.encode(SENTENCES)
    assert found.shape == (4, encoder.width) and found.dtype == torch.float32
    wanted = torch.stack([plain(name, folder, text) for text in SENTENCES])
    torch.testing.assert_close(found, wanted, rtol=1e-5, atol=1e-5)
    assert found.std(0).mean() > 1e-3, "texts differ"


@pytest.mark.parametrize("name", NAMES)
def test_the_registrys_tokens_agree_with_a_plain_forward_pass(
    name: str, tmp_path: Path, options: Options
) -> None:
    entry = ENCODERS.language[name]
    assert entry is not None and entry.untrained is not None
    untrained.write(entry.untrained, tmp_path / name)
    encoder = language.load(tmp_path / name, entry, options(tokens=5), CPU)
    found = encoder.encode(SENTENCES)
    vectors = language.load(tmp_path / name, entry, options(), CPU).encode(SENTENCES)
    assert torch.equal(found[:, : encoder.width], vectors), "tokens do not get length one"
    tokenizer = transformers.AutoTokenizer.from_pretrained(tmp_path / name)
    model: Any = transformers.AutoModel.from_pretrained(tmp_path / name).eval()
    for text, row in zip(SENTENCES, found[:, encoder.width :], strict=True):
        with torch.inference_mode():
            states = getattr(model, "text_model", model)(
                **tokenizer(text, return_tensors="pt")
            ).last_hidden_state
        wanted = torch.nn.functional.adaptive_avg_pool1d(states[0].T, 5).T
        torch.testing.assert_close(row.reshape(5, encoder.token_width), wanted, rtol=1e-5, atol=1e-5)


OTHERS: dict[str, Callable[[int], Any]] = {
    "distilbert": lambda words: transformers.DistilBertModel(
        transformers.DistilBertConfig(vocab_size=words, dim=32, hidden_dim=64, n_layers=2, n_heads=2)
    ),
    "electra": lambda words: transformers.ElectraModel(
        transformers.ElectraConfig(**untrained.SMALL, embedding_size=16, vocab_size=words)
    ),
    "modernbert": lambda words: transformers.ModernBertModel(
        transformers.ModernBertConfig(**untrained.SMALL, vocab_size=words, pad_token_id=0)
    ),
}


@pytest.mark.parametrize("kind", OTHERS)
def test_any_other_model_by_an_entry(kind: str, saved: Saved, entry: Entry, options: Options) -> None:
    folder, _ = saved("bert")
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    tokenizer.model_input_names = ["input_ids", "attention_mask"]
    with torch.random.fork_rng():
        torch.manual_seed(1)
        model = OTHERS[kind](len(tokenizer)).eval()
    (folder / "model.safetensors").unlink()
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    found = language.load(folder, entry(), options(), CPU).encode(SENTENCES)
    for text, vector in zip(SENTENCES, found, strict=True):
        with torch.inference_mode():
            wanted = model(**tokenizer(text, return_tensors="pt")).last_hidden_state[0].mean(0)
        torch.testing.assert_close(vector, wanted, rtol=1e-5, atol=1e-5)


def test_clips_pictures_and_texts_share_a_space(tmp_path: Path, options: Options) -> None:
    from fusionrec.encoders import vision

    untrained.write("clip", tmp_path / "clip")
    picture, text = ENCODERS.vision["clip"], ENCODERS.language["clip"]
    assert picture is not None and text is not None and picture.hub == text.hub
    widths = (
        vision.load(tmp_path / "clip", picture, options(), CPU).width,
        language.load(tmp_path / "clip", text, options(), CPU).width,
    )
    assert widths == (32, 32), "the projection's"


@pytest.mark.parametrize("kind", ["bert", "roberta", "mpnet", "clip"])
def test_tokens_are_those_of_transformers(kind: str, saved: Saved, entry: Entry, options: Options) -> None:
    folder, _ = saved(kind)
    encoder = language.load(folder, entry(), options(max_tokens=24), CPU)
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    wanted = tokenizer(
        SENTENCES, padding=True, truncation=True, max_length=24, pad_to_multiple_of=8, return_tensors="pt"
    )
    found = encoder.prepare(SENTENCES)
    assert found.keys() == wanted.keys()
    assert all(torch.equal(found[name], wanted[name]) for name in wanted)


def test_padded_to_a_multiple_of_eight_or_the_limit(saved: Saved, entry: Entry, options: Options) -> None:
    encoder = language.load(saved("bert")[0], entry(), options(max_tokens=20), CPU)
    lengths = {"a " * words: encoder.padded("a " * words) for words in (1, 6, 7, 14, 15, 18, 500)}
    assert list(lengths.values()) == [8, 8, 16, 16, 20, 20, 20]  # words and two markers
    assert all(encoder.prepare([text])["input_ids"].shape == (1, n) for text, n in lengths.items())
    assert encoder.prepare(list(lengths))["input_ids"].shape == (7, 20)


def test_no_text_is_tokenised_twice(saved: Saved, entry: Entry, options: Options) -> None:
    encoder = language.load(saved("bert")[0], entry(), options(), CPU)
    wanted = encoder.prepare(SENTENCES)
    assert [encoder.padded(text) for text in SENTENCES] == [16, 16, 48, 8]
    encoder.tokenizer = None
    found = encoder.prepare(SENTENCES)
    assert all(torch.equal(found[name], wanted[name]) for name in wanted)
    assert not encoder.waiting, "nothing is kept longer than needed"


def test_tokens_are_not_piled_up(
    saved: Saved, entry: Entry, options: Options, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where one process asks for lengths and another one encodes."""
    monkeypatch.setattr(language, "WAITING", 2)
    encoder = language.load(saved("bert")[0], entry(), options(), CPU)
    wanted = encoder.prepare(SENTENCES)
    for text in SENTENCES:
        encoder.padded(text)
    assert len(encoder.waiting) == 2
    found = encoder.prepare(SENTENCES)
    assert all(torch.equal(found[name], wanted[name]) for name in wanted)


def test_several_threads_prepare_at_a_time(saved: Saved, entry: Entry, options: Options) -> None:
    encoder = language.load(saved("bert")[0], entry(), options(), CPU)
    texts = [sentence * (1 + number % 3) for number in range(50) for sentence in SENTENCES]
    wanted = [encoder.prepare([text]) for text in texts]
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda text: encoder.prepare([text]), texts))
    assert all(torch.equal(a[name], b[name]) for a, b in zip(found, wanted, strict=True) for name in a)


def test_first_token_and_length_one(saved: Saved, entry: Entry, options: Options) -> None:
    folder, model = saved("bert")
    chosen = entry(pooling="cls", layer=1, normalize=True)
    encoder = language.load(folder, chosen, options(), CPU)
    with torch.inference_mode():
        states = model.bert(**encoder.prepare(SENTENCES), output_hidden_states=True).hidden_states[1][:, 0]
    wanted = states / states.norm(dim=1, keepdim=True)
    torch.testing.assert_close(encoder.encode(SENTENCES), wanted, rtol=1e-5, atol=1e-5)


def test_the_models_own_pooling(saved: Saved, entry: Entry, options: Options) -> None:
    folder, model = saved("mpnet")
    encoder = language.load(folder, entry(pooling="pooled"), options(), CPU)
    with torch.inference_mode():
        wanted = model(**encoder.prepare(SENTENCES)).pooler_output
    torch.testing.assert_close(encoder.encode(SENTENCES), wanted, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize(
    ("kind", "chosen", "message"),
    [
        ("bert", {"pooling": "pooled"}, r"do not fit config\.json.*pooler\.dense"),
        ("bert", {"pooling": "projected"}, "has no projection"),
        ("bert", {"layer": -14}, "layer -14: the model's hidden layers are 0 to 12"),
    ],
)
def test_what_the_model_does_not_have(
    kind: str, chosen: dict[str, Any], message: str, saved: Saved, entry: Entry, options: Options
) -> None:
    with pytest.raises(UserError, match=message):
        language.load(saved(kind)[0], entry(**chosen), options(), CPU)


def test_a_model_that_sees_the_padding(saved: Saved, entry: Entry, options: Options) -> None:
    """SigLIP reads its vector off the last token, whatever that is."""
    folder, _ = saved("bert")
    texts = untrained.SMALL | {"vocab_size": 150}
    config = transformers.SiglipConfig(text_config=texts, vision_config=untrained.SMALL | {"image_size": 32})
    with torch.random.fork_rng():
        torch.manual_seed(1)
        transformers.SiglipModel(config).save_pretrained(folder)
    with pytest.raises(UserError, match="vectors change with the padding of a text"):
        language.load(folder, entry(pooling="projected"), options(), CPU)


@pytest.mark.parametrize(("kind", "limit"), [("bert", 512), ("roberta", 512), ("mpnet", 512), ("clip", 77)])
def test_the_model_itself_limits_the_tokens(
    kind: str, limit: int, saved: Saved, entry: Entry, options: Options
) -> None:
    """Whether its tokenizer says so or not: RoBERTa's table has 514 positions, of which 2 are for padding."""
    folder, _ = saved(kind)
    settings = files.read_json(folder / "tokenizer_config.json")
    settings.pop("model_max_length")
    files.write_json(folder / "tokenizer_config.json", settings)
    encoder = language.load(folder, entry(), options(max_tokens=2000), CPU)
    assert encoder.limit == limit
    assert encoder.encode(["a" * 3000]).isfinite().all()


def test_long_texts_are_cut(saved: Saved, entry: Entry, options: Options) -> None:
    encoder = language.load(saved("bert")[0], entry(), options(max_tokens=8), CPU)  # 6 letters, two markers
    torch.testing.assert_close(encoder.encode(["abcdefgh"]), encoder.encode(["abcdef"]), rtol=0, atol=0)


def test_another_width_than_the_registrys(saved: Saved, entry: Entry, options: Options) -> None:
    with pytest.raises(UserError, match=r"have width 32, its entry in params\.yaml says 384"):
        language.load(saved("bert")[0], entry(), options(), CPU, width=384)


@pytest.mark.parametrize(
    ("kind", "tensor"),
    [
        ("bert", "bert.encoder.layer.1.attention.self.query.weight"),
        ("roberta", "roberta.embeddings.position_embeddings.weight"),
        ("mpnet", "encoder.relative_attention_bias.weight"),
        ("clip", "text_projection.weight"),
    ],
)
class TestIncomplete(Incomplete):
    @pytest.fixture
    def load(self, kind: str, tmp_path: Path, entry: Entry, options: Options) -> Callable[[Change], Any]:
        """Loads a checkpoint after a change to its tensors."""

        def load(change: Change) -> Any:
            write_changed(kind, tmp_path / kind, change)
            pooling = "projected" if kind == "clip" else "mean"
            return language.load(tmp_path / kind, entry(pooling=pooling), options(), CPU)

        return load


def test_the_first_names_of_layer_normalisation(saved: Saved, entry: Entry, options: Options) -> None:
    """BERT's published checkpoint calls weight gamma and bias beta."""
    folder, _ = saved("bert")
    wanted = language.load(folder, entry(), options(), CPU).encode(SENTENCES)
    tensors = files.read_tensors(folder / "model.safetensors")
    old = {
        name.replace("LayerNorm.weight", "LayerNorm.gamma").replace(
            "LayerNorm.bias", "LayerNorm.beta"
        ): tensor
        for name, tensor in tensors.items()
    }
    assert old.keys() != tensors.keys()
    files.write_tensors(folder / "model.safetensors", old)
    assert torch.equal(language.load(folder, entry(), options(), CPU).encode(SENTENCES), wanted)
