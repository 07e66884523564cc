# The service: only what a packed model needs, PyTorch for CPUs, no rights. Build it in the root of the repository:
# docker build -f docker/service.Dockerfile -t fusionrec-service .
FROM python:3.11-slim AS build
WORKDIR /build
COPY pyproject.toml README.md LICENSE requirements.txt ./
COPY src src
# the versions that are tested; PyTorch without the libraries of GPUs
RUN grep -vE '^(--editable|nvidia-|cuda-|triton)' requirements.txt > constraints.txt \
    && python -m venv /venv \
    && /venv/bin/pip install --no-cache-dir --constraint constraints.txt \
        --extra-index-url https://download.pytorch.org/whl/cpu '.[serve]'

FROM python:3.11-slim
RUN useradd --system --create-home --uid 10001 fusionrec
COPY --from=build /venv /venv
USER fusionrec
ENV PATH=/venv/bin:$PATH PYTHONUNBUFFERED=1 FUSIONREC_CACHE=/home/fusionrec/.cache/fusionrec
WORKDIR /home/fusionrec
EXPOSE 8000
HEALTHCHECK --interval=10s --timeout=5s --start-period=60s CMD \
    ["python", "-c", "import urllib.request as u; u.urlopen('http://127.0.0.1:8000/health', timeout=4)"]
# other machines may ask, so $FUSIONREC_TOKEN must be set
ENTRYPOINT ["fusionrec", "serve", "/model", "--host", "0.0.0.0", "--port", "8000"]
