# not for the classic builder
FROM busybox AS source
RUN mkdir /s && echo stage > /s/f
FROM busybox
RUN --mount=type=bind,from=source,source=/s,target=/m cat /m/f > /bound
RUN --mount=target=/c cat /c/a.txt > /context
RUN --mount=type=tmpfs,target=/t touch /t/x && ls /t > /tmpfs
RUN --mount=type=cache,target=/k,id=golden,sharing=locked,uid=5,mode=700 stat -c '%a %u' /k > /cache
RUN --mount=type=bind,source=d,target=/w,rw touch /w/new && ls /w > /writable
RUN --mount=type=secret,id=none cat /run/secrets/none > /secret 2>&1 || echo none > /secret
RUN --network=none ls /sys/class/net > /net
RUN ls -A /m /c /t /k /w /run/secrets 2>/dev/null | wc -l > /left
