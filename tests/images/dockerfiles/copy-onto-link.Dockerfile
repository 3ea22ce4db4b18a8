FROM busybox
RUN mkdir /real && ln -s real /l
COPY d /l
