FROM busybox
RUN ["sh","-c","echo $0 > /zero"]
RUN [ "touch", "/with space" ]
