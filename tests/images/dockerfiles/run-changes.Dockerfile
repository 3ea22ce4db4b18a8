FROM busybox
RUN mkdir -p /a/b/c && chmod 700 /a/b && chown 1:2 /a/b/c && touch -d '2001-01-01 00:00:00' /a/f && ln -s ../f /a/b/l && ln /a/f /a/hard
RUN chmod 755 /a/b
RUN rm -r /a/b && touch /a/b
RUN rm /a/b && mkdir -p /a/b/d
RUN rm /a/f
RUN mkfifo /pipe
