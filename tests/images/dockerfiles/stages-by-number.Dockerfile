FROM busybox
RUN echo x > /x
FROM busybox
COPY --from=0 /x /y
