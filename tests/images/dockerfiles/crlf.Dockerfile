FROM busybox
RUN echo a > /a
RUN echo b \
 > /b
