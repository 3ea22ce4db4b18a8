# not for the classic builder
FROM busybox
RUN mkdir -p /data/x && echo a > /data/x/a
VOLUME /data
RUN echo b > /data/x/b
COPY a.txt /data/
