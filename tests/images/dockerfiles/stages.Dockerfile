FROM busybox AS one
RUN mkdir -p /o/p && echo x > /o/p/x && chmod 640 /o/p/x && chown 7:8 /o/p/x && ln -s x /o/p/l
FROM busybox AS unused
RUN true
FROM scratch
COPY --from=one /o /o
COPY --from=one --chown=9:9 /o/p/x /x
COPY --from=busybox /bin/true /true
CMD ["/true"]
