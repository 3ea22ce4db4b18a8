FROM busybox
COPY ["a.txt","with space","/j/"]
ADD [ "d", "/k" ]
