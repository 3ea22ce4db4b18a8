FROM busybox
COPY $NOPE/a.txt /x
ENV Z=$NOPE
LABEL l=$NOPE
USER ${NOPE:-root}
