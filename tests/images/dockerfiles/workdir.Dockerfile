FROM busybox
WORKDIR a
WORKDIR b/../c
WORKDIR /x//y/
WORKDIR "quoted dir"
WORKDIR /with space
RUN pwd > p
WORKDIR ..
RUN pwd > p
