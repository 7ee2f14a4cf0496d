# One image for every process of isoline; the command's first word says which. Envoy runs from its own image.
#
# The base is pinned by version. Whoever publishes an image pins it by digest too, which needs a registry to look
# it up in:  docker build --build-arg PYTHON=python:3.11.14-slim-bookworm@sha256:… .
ARG PYTHON=python:3.11.14-slim-bookworm

# The wheel: our own code, and the only stage that changes with it.
# hadolint ignore=DL3006
FROM ${PYTHON} AS wheel
WORKDIR /source
COPY requirements-build.lock ./
RUN python -m pip install --no-cache-dir --disable-pip-version-check --no-deps --only-binary :all: \
      --require-hashes -r requirements-build.lock
COPY pyproject.toml README.md LICENSE ./
COPY isoline isoline
COPY runtime runtime
COPY translator translator
COPY watcher watcher
COPY xds_server xds_server
RUN python -m pip wheel --no-cache-dir --disable-pip-version-check --no-deps --no-build-isolation \
      --wheel-dir /wheel .

# The libraries first, so that a change of our code leaves their layer as it is.
# hadolint ignore=DL3006
FROM ${PYTHON} AS installed
COPY requirements.lock /
RUN python -m venv --without-pip /opt/isoline \
 && python -m pip --python /opt/isoline/bin/python install --no-cache-dir --disable-pip-version-check \
      --no-deps --only-binary :all: --require-hashes -r /requirements.lock
COPY --from=wheel /wheel /wheel
RUN python -m pip --python /opt/isoline/bin/python install --no-cache-dir --disable-pip-version-check \
      --no-deps --no-index --find-links /wheel isoline

# hadolint ignore=DL3006
FROM ${PYTHON}
LABEL org.opencontainers.image.title="isoline" \
      org.opencontainers.image.description="An Envoy control plane for Kubernetes" \
      org.opencontainers.image.licenses="Apache-2.0"
# Nothing in here installs anything any more. The two folders are where volumes are mounted: a named volume
# takes owner and mode from them, and a link's sockets demand a folder that is closed to others.
RUN python -m pip uninstall --yes --root-user-action ignore pip setuptools wheel \
 && install --directory --owner 65532 --group 65532 --mode 0700 /run/isoline /etc/isoline
COPY --from=installed /opt/isoline /opt/isoline
ENV PATH=/opt/isoline/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1
# By number: Kubernetes can't see that a name isn't root's.
USER 65532:65532
ENTRYPOINT ["isoline"]
CMD ["--help"]
