FROM busybox
COPY --chown=root a.txt /c1
COPY --chown=5 a.txt /c3
COPY --chown=8:9 a.txt d /c5/
ARG U=12
ENV G=34
COPY --chown=$U:${G} a.txt /c6
