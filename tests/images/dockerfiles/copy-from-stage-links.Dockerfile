FROM busybox AS s
RUN mkdir /d && ln -s /etc/passwd /abs && ln -s d /rel && ln -s nope /dang && touch /d/f && ln -s /d /d/self && echo r > /target && ln -s target /tl
FROM busybox
COPY --from=s /rel /r1
COPY --from=s /tl /r2
COPY --from=s /d /r4
COPY --from=s /rel/f /r5
COPY --from=s /d/self/f /r6
