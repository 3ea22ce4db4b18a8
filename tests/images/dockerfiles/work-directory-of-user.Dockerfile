FROM busybox
USER 5
WORKDIR /own
COPY a.txt ./
USER nobody
WORKDIR /own2/x
