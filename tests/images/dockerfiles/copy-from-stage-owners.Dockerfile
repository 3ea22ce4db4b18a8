FROM busybox AS s
RUN mkdir -p /d/in && touch /d/f && chown -R 11:12 /d && chmod 711 /d/in && mkdir -p /e/f && chown 3:3 /e
FROM busybox
COPY --from=s /d /d
COPY --from=s /d/f /f
COPY --from=s /e /x/y/
