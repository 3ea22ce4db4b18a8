FROM busybox
ADD t.tar /x
ADD t.tar /y/
WORKDIR /w
ADD t.tar .
ADD t.tar a.txt sub/
