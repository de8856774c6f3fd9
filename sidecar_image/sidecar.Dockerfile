# The sidecar: one Python with exactly the locked packages (the lock names them all), and git and ssh for the gate.
ARG BASE_IMAGE=debian:trixie-slim

FROM ${BASE_IMAGE} AS packages
RUN apt-get update \
 && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends \
      ca-certificates python3 python3-venv \
 && rm -rf /var/lib/apt/lists/*
COPY requirements.lock /opt/requirements.lock
RUN python3 -m venv /opt/sidecar \
 && /opt/sidecar/bin/pip install --no-cache-dir --no-deps --only-binary :all: --require-hashes \
      -r /opt/requirements.lock \
 && /opt/sidecar/bin/pip uninstall --yes pip
COPY bottle_sidecar /opt/bottle/bottle_sidecar
RUN python3 -m compileall -q /opt/bottle \
 && PYTHONPATH=/opt/bottle /opt/sidecar/bin/python -m bottle_sidecar.rules_store

FROM ${BASE_IMAGE}
RUN apt-get update \
 && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends \
      ca-certificates git openssh-client python3 \
 && rm -rf /var/lib/apt/lists/* \
 && groupadd --gid 65532 sidecar \
 && useradd --uid 65532 --gid 65532 --no-create-home --home-dir /tmp --shell /usr/sbin/nologin sidecar \
 && install -d -o root -g root -m 0755 /run/bottle /run/bottle/trust \
 && install -d -o sidecar -g sidecar -m 0711 /run/bottle/exit \
 && install -d -o sidecar -g sidecar -m 0700 /run/bottle/gate /run/bottle/git
COPY --from=packages /opt/sidecar /opt/sidecar
COPY --from=packages /opt/bottle /opt/bottle
ENV PATH=/opt/sidecar/bin:/usr/bin:/bin \
    PYTHONPATH=/opt/bottle \
    PYTHONDONTWRITEBYTECODE=1 \
    HOME=/tmp
WORKDIR /
USER 65532:65532
ENTRYPOINT ["python", "-m", "bottle_sidecar"]
