FROM busybox
RUN touch /s /g && chmod 4755 /s && chmod 2755 /g && mkdir -p /st/in && chmod 3777 /st/in
FROM busybox
COPY --from=0 /s /g /
COPY --from=0 /st /st
