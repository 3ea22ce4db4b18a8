FROM busybox
COPY d /x2
COPY d/deep/ /x4/x5/
COPY ./d/../a.txt /x6/
COPY d/deep/y d/x /x7/
