# The pipeline with everything that requirements.lock pins; hashes are checked. Build it in the root of the repository:
# docker build -f docker/pipeline.Dockerfile -t fusionrec-pipeline .
FROM python:3.11-slim
RUN apt-get update && apt-get install -y --no-install-recommends git && rm -rf /var/lib/apt/lists/* \
    && useradd --create-home --uid 10001 fusionrec
WORKDIR /home/fusionrec/repository
RUN chown fusionrec:fusionrec .
USER fusionrec
ENV PATH=/home/fusionrec/venv/bin:$PATH PYTHONUNBUFFERED=1
COPY --chown=fusionrec:fusionrec . .
RUN python -m venv /home/fusionrec/venv \
    && pip install --no-cache-dir --require-hashes --requirement requirements.lock \
    && pip install --no-cache-dir --no-deps --no-build-isolation --editable .
CMD ["dvc", "repro"]
