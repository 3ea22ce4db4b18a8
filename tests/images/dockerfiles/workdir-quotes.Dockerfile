# not for the classic builder
FROM busybox
WORKDIR /q
COPY sub* with* /maybe/
COPY a.txt sub/.
