FROM python:3.11-slim AS build
COPY requirements/run.txt /build/run.txt
RUN python -m venv /venv && /venv/bin/pip install --no-cache-dir --require-hashes -r /build/run.txt \
    && /venv/bin/pip uninstall --yes pip

FROM python:3.11-slim
RUN useradd --system --no-create-home switchboard
COPY --from=build /venv /venv
COPY src/switchboard /app/switchboard
ENV PATH=/venv/bin:$PATH PYTHONPATH=/app PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 SERVER_HOST=0.0.0.0
USER switchboard
EXPOSE 8000
HEALTHCHECK --interval=10s --timeout=3s CMD ["python", "-c", \
  "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8000/health/live', timeout=2)"]
ENTRYPOINT ["python", "-m", "switchboard"]
CMD ["serve"]
