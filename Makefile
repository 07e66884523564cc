# What a contributor needs; see CONTRIBUTING.md. All of it runs in the environment that is active.
.PHONY: check test bench docs notebooks lock hashes sbom fuzz mutation

check: ## format, lint, types, generated docs, and the tests of what changed since the last commit
	ruff format --check .
	ruff check .
	mypy
	python src/fusionrec docs --check
	python tests/changed.py

test: ## all tests but the slow ones; `pytest -m slow` runs those
	pytest

bench: ## measure speed on a quiet machine, and write docs/performance.md
	python tests/benchmarks/performance.py

docs: ## write the generated tables of README.md and docs
	python src/fusionrec docs

notebooks: ## run the notebooks in docs, in a clone of the last commit, and keep their outputs
	rm -rf logs/notebooks && git clone -q . logs/notebooks
	cd logs/notebooks && dvc cache dir --local ../../.dvc/cache && dvc repro -q
	python tests/notebooks.py logs/notebooks && cp logs/notebooks/docs/*.ipynb docs

lock: ## is dvc.lock up to date? needs no data
	bash .ci/lock

hashes: ## write requirements.lock: requirements.txt with the hash of each file; needs `pip install uv`
	cp requirements.txt requirements.lock # uv keeps the versions that it finds there
	uv pip compile pyproject.toml --extra test --universal --python-version 3.11 --no-annotate --generate-hashes \
		--custom-compile-command "make hashes" --quiet --output-file requirements.lock

sbom: ## write build/sbom.json, the list of all packages in the format of CycloneDX; needs `pip install cyclonedx-bom`
	mkdir -p build
	cyclonedx-py requirements requirements.lock --pyproject pyproject.toml --output-reproducible -o build/sbom.json

fuzz: ## mutated files for each reader of foreign bytes, five minutes each; needs `pip install atheris`
	python tests/fuzz/run.py

mutation: ## do the tests of the core modules notice small changes of the code? needs `pip install mutmut`
	python tests/mutation/run.py
