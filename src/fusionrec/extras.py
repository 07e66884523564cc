"""Which extra of the package brings a library that is not installed."""

from fusionrec.errors import UserError

EXTRAS = {
    "dvc": "pipeline",
    "dvc_data": "pipeline",
    "dvclive": "pipeline",
    "hydra": "pipeline",
    "matplotlib": "pipeline",
    "requests": "pipeline",
    "sklearn": "pipeline",
    "fastapi": "serve",
    "multipart": "serve",
    "prometheus_client": "serve",
    "python_multipart": "serve",
    "uvicorn": "serve",
    "faiss": "index",
    "optuna": "search",
    "wandb": "wandb",
}


def missing(error: ModuleNotFoundError) -> UserError | None:
    """The message to show for a library that an extra brings; None for any other."""
    library = (error.name or "").partition(".")[0]
    if library not in EXTRAS:
        return None
    return UserError(f"{library} is not installed; run: pip install 'fusionrec[{EXTRAS[library]}]'")
