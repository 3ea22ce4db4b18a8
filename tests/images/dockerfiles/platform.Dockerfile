# not for the classic builder
ARG BASE=busybox
FROM --platform=$BUILDPLATFORM ${BASE} AS build
ARG TARGETOS TARGETARCH BUILDPLATFORM TARGETSTAGE
RUN echo "$TARGETOS $TARGETSTAGE" > /platform
FROM ${BASE}
COPY --from=build /platform /platform
