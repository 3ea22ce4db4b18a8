FROM busybox
COPY a.txt /a.txt/
COPY l.txt /a.txt
