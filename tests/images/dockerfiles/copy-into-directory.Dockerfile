FROM busybox
RUN mkdir /x
COPY a.txt /x
COPY a.txt /x/a.txt
COPY l.txt /x/a.txt
