FROM busybox
COPY link /l1
COPY d/to-x /l2
COPY d /l3
COPY link d/to-x /l4/
