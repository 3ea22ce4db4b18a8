ARG TAG=latest
FROM busybox:${TAG}
ARG FOO=bar
ARG EMPTY
ENV A=1 B="x y" C=$FOO-${EMPTY:-none}
ENV OLD one two
LABEL a=b "c d"='e f' g=$A
EXPOSE 80 90/udp
VOLUME /data /x
VOLUME ["/y", "/z z"]
WORKDIR /w
WORKDIR $A/b
USER 1000:1000
STOPSIGNAL SIGINT
HEALTHCHECK NONE
ONBUILD RUN echo $A
SHELL ["/bin/sh", "-x", "-c"]
ENTRYPOINT exec top
CMD ["a", "b\"c"]
