FROM busybox
COPY [al].txt /w1/
COPY ?.txt /w2/
COPY *.txt d /w4/
COPY d/*/y /w6
COPY a*.txt /justfile
