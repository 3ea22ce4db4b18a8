FROM busybox
RUN mkdir /real && ln -s real /l && ln -s /nowhere/deep /dangling
COPY a.txt /l/
COPY d /l/dd
COPY a.txt /dangling
