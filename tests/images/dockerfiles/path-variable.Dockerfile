FROM busybox
ENV PATH=$PATH:/x HOME=/h
RUN echo $PATH > /p; echo $HOME > /h
ENV PATH=
RUN /bin/sh -c 'echo x > /q'
