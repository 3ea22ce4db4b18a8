FROM busybox
MAINTAINER Some One <a@b.c>
RUN true
