FROM busybox
RUN mkdir -p /d/e && touch /d/e/f /d/g
RUN rm -rf /d && mkdir /d && touch /d/h
RUN mv /d /e && ln -s e /d
RUN rm /d && cp -r /e /d && rm -r /e
