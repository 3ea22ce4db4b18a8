FROM busybox
SHELL ["/bin/sh", "-exc"]
RUN echo a > /a
CMD run it
ENTRYPOINT do $it
