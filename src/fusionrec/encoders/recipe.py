"""The interface of encoders, and everything that their vectors depend on."""

from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import torch

from fusionrec import checksums, code, files
from fusionrec.encoders import loading, weights
from fusionrec.encoders.encoder import Encoder
from fusionrec.encoders.options import Cache, EncoderEntry

if TYPE_CHECKING:
    from fusionrec.encoders.frozen import FrozenEncoder

PACKAGES = ("numpy", "pillow", "timm", "tokenizers", "torch", "torchvision", "transformers")


class Recipe(NamedTuple):
    """Everything that a process needs to load the encoder, and that a vector depends on.

    Attributes:
        modality: vision or language.
        entry: of the encoder in the registry.
        folder: of the weights.
        source: where the weights come from; see `weights.source`.
        options: section `cache`.
        device: cpu, cuda, or one GPU such as cuda:0.
        reproducible: `runtime.reproducible`.
    """

    modality: str
    entry: EncoderEntry
    folder: Path
    source: dict[str, Any]
    options: Cache
    device: str
    reproducible: str

    def load(self) -> Encoder:
        """The frozen encoder, at full speed; with `options.views` above 0 its vectors are means over views.

        Raises:
            UserError: if the files of the folder are damaged, incomplete or do not fit together; `DamagedError` if they
                are not those that were written.
        """
        encoder = self.load_trainable()
        encoder.fold()
        if self.options.views:
            from fusionrec.encoders import views

            change = views.of_picture if self.modality == "vision" else views.of_text
            return views.MeanOfViews(encoder, change, self.options, self.entry.normalize)
        return encoder

    def load_trainable(self) -> "FrozenEncoder":
        """The encoder with all of its weights, so that it can be trained and saved.

        Raises:
            UserError: see `load`.
        """
        module: Any  # only the module that is needed, because each takes a second to import
        if self.modality == "vision":
            from fusionrec.encoders import vision as module
        else:
            from fusionrec.encoders import language as module
        device, width = torch.device(self.device), self.source.get("width")
        weights.check(self.folder, self.source)
        encoder: FrozenEncoder = module.load(self.folder, self.entry, self.options, device, width)
        return encoder

    def card(self) -> dict[str, Any]:
        """A description of the vectors, which is stored with them."""
        shown = {"batch", "precision", "compile"} | (
            {"channels_last"} if self.modality == "vision" else set()
        )
        return {
            **self.source,
            **self.entry.model_dump(include={"library", "pooling", "layer", "normalize"}),
            "preprocessing": self._preprocessing(),
            **self.options.model_dump(include=shown | ({"tokens"} if self.options.tokens else set())),
            **self._augmentation(),
        }

    def identity(self) -> dict[str, Any]:
        """The card and everything else that could change a vector; the store keeps vectors by it."""
        paths = {path for pattern in weights.PATTERNS for path in self.folder.glob(pattern)}
        small = {
            path.name: path for path in paths if path.suffix != ".safetensors"
        }  # `source` has their hash
        return self.card() | {
            "modality": self.modality,
            "files": {name: checksums.sha256(path) for name, path in small.items()},
            "device": self.device,
            "hardware": self._hardware(),
            "reproducible": self.reproducible,
            "versions": {name: version(name) for name in PACKAGES},
            "code": self._code(),
        }

    def _preprocessing(self) -> dict[str, Any]:
        if self.modality == "language":
            return {"max_tokens": self.options.max_tokens}
        with loading.readable(self.folder):
            if self.entry.library == "timm":
                return files.read_json(self.folder / "config.json")["pretrained_cfg"]
            return files.read_json(self.folder / "preprocessor_config.json")

    def _augmentation(self) -> dict[str, Any]:
        if not self.options.views:
            return {}
        strengths = getattr(self.options, self.modality).model_dump()
        return {"views": self.options.views, "seed": self.options.seed, "augmentation": strengths}

    def _code(self) -> str:
        """Fingerprint of the code that computes vectors, so that vectors are computed again when it is corrected."""
        views = ["fusionrec.encoders.views"] if self.options.views else []
        used = ["fusionrec.products", f"fusionrec.encoders.{self.modality}", *views]
        return code.fingerprint(used, parameters={})

    def _hardware(self) -> str:
        """What the last bits depend on; in the portable mode all CPUs give the same."""
        if self.device == "cuda":
            return torch.cuda.get_device_name()
        return "" if self.reproducible == "portable" else torch.backends.cpu.get_cpu_capability()
