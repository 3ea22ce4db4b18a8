FROM busybox AS s
RUN mkdir /d && echo x > /d/a && ln /d/a /d/b && mkfifo /d/p
FROM busybox
COPY --from=s /d /d
RUN stat -c %h /d/a > /links
